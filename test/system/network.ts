import { execFileSync } from 'node:child_process';

let made = 0;

/** One host of a network: a network namespace, with its own interfaces, addresses and rules. */
export class Host {
  constructor(readonly namespace: string) {}

  /** The arguments that run a command on this host. */
  get within(): string[] {
    return ['ip', 'netns', 'exec', this.namespace];
  }

  run(...command: string[]): string {
    const [first, ...rest] = [...this.within, ...command];
    return execFileSync(first as string, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /**
   * Drops arriving TCP segments that match, such as `--sport 4000`, without notifying their sender. Returns a function
   * that undoes this.
   */
  drop(...fits: string[]): () => void {
    const rule = ['INPUT', '-p', 'tcp', ...fits, '-j', 'DROP'];
    this.run('iptables', '-w', '-A', ...rule);
    return () => void this.run('iptables', '-w', '-D', ...rule);
  }

  /** Takes down the link to the previous host of the chain, on this host's side. */
  pullCable(): void {
    this.run('ip', 'link', 'set', 'left', 'down');
  }

  /** Limits the rate of traffic to the next host of the chain, in kilobits per second. */
  slow(kilobits: number): void {
    const rate = `${kilobits}kbit`;
    this.run(...`tc qdisc add dev right root tbf rate ${rate} burst 16kb limit 64kb`.split(' '));
  }
}

/**
 * Hosts in a chain. Each is connected to the next one, and nothing is routed past a neighbor. Host n has the address
 * 10.77.n.1 toward host n+1, which has 10.77.n.2 toward host n.
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

  /** Removes the network. Processes that are still running in it lose their network. */
  close(): void {
    for (const { namespace } of this.hosts) execFileSync('ip', ['netns', 'delete', namespace]);
  }
}
