import { execFileSync } from 'node:child_process';

let made = 0;

/** One host of a network: a namespace of its own, so a kernel's worth of interfaces, addresses and rules. */
export class Host {
  constructor(readonly namespace: string) {}

  /** The words that run a command there. */
  get within(): string[] {
    return ['ip', 'netns', 'exec', this.namespace];
  }

  run(...command: string[]): string {
    const [first, ...rest] = [...this.within, ...command];
    return execFileSync(first as string, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Swallows arriving TCP segments that fit, without a word to their sender: `--sport 4000`. Returns what undoes it. */
  drop(...fits: string[]): () => void {
    const rule = ['INPUT', '-p', 'tcp', ...fits, '-j', 'DROP'];
    this.run('iptables', '-w', '-A', ...rule);
    return () => void this.run('iptables', '-w', '-D', ...rule);
  }

  /** Pulls the cable to the next host of the chain, as its own end sees it. */
  pullCable(): void {
    this.run('ip', 'link', 'set', 'left', 'down');
  }

  /** Sends no faster to the next host of the chain than so many kilobits a second. */
  slow(kilobits: number): void {
    const rate = `${kilobits}kbit`;
    this.run(...`tc qdisc add dev right root tbf rate ${rate} burst 16kb limit 64kb`.split(' '));
  }
}

/**
 * Hosts in a chain, each joined to the next by a cable, and nothing routed past a neighbour: host n has the
 * address 10.77.n.1 towards host n+1, which has 10.77.n.2 towards it.
 */
export class Network {
  readonly hosts: readonly Host[];

  constructor(count: number) {
    made++;
    this.hosts = Array.from({ length: count }, (_, n) => new Host(`pongcheck-${process.pid}-${made}-${n}`));
    const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const host of this.hosts) {
      ip('netns', 'add', host.namespace);
      host.run('ip', 'link', 'set', 'lo', 'up');
    }
    for (let n = 0; n + 1 < count; n++) {
      const [near, far] = [this.host(n), this.host(n + 1)];
      ip(
        ...['link', 'add', 'right', 'netns', near.namespace],
        ...['type', 'veth', 'peer', 'name', 'left', 'netns', far.namespace],
      );
      near.run('ip', 'address', 'add', `10.77.${n}.1/24`, 'dev', 'right');
      far.run('ip', 'address', 'add', `10.77.${n}.2/24`, 'dev', 'left');
      near.run('ip', 'link', 'set', 'right', 'up');
      far.run('ip', 'link', 'set', 'left', 'up');
    }
  }

  host(n: number): Host {
    return this.hosts[n] as Host;
  }

  /** Takes it down; what still runs in it loses its network. */
  close(): void {
    for (const { namespace } of this.hosts) execFileSync('ip', ['netns', 'delete', namespace]);
  }
}
