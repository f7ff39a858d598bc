import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { compiledPackage } from '../cli/compiled.js';
import { frame, Peer, ping } from '../server/peer.js';
import { Trial } from './trial.js';

const trial = new Trial();
const opened: Peer[] = [];
afterEach(async () => {
  for (const peer of opened.splice(0)) peer.socket.destroy();
  await trial.close();
});

const id = 'a1a2a3a4a5a6a7a8';
const IN_FLIGHT = 20;
const burst = ping(id).repeat(IN_FLIGHT);
const GOAWAY = '06';
const DRAINING = '04';

const environment = {
  PONGCHECK_LISTEN: 'pong://127.0.0.1:0',
  PONGCHECK_HTTP: 'false',
  PONGCHECK_DRAIN_GRACE: '4s',
  PONGCHECK_DRAIN_DELAY: '1s',
  PONGCHECK_LIMITS_PINGS_PER_SECOND: '0',
};

/** A client that keeps PINGs in flight. */
class Load {
  sent = 0;
  answered = 0;
  draining = 0;
  private leaving = false;
  private warm: (() => void) | undefined;
  /** Resolves when the client has received many answers. */
  readonly underWay = new Promise<void>((resolve) => {
    this.warm = resolve;
  });

  constructor(private readonly peer: Peer) {}

  /**
   * Waits for GOAWAY. Then sends one more burst followed immediately by FIN, and reads everything that still arrives.
   */
  async untilGoaway(): Promise<void> {
    this.peer.sendHex(frame('05', id, {}));
    await this.peer.frame();
    while (!this.leaving) {
      this.send();
      while (this.answered < this.sent) await this.next();
      if (this.answered > 1000) this.warm?.();
    }
    await this.peer.untilEnd();
  }

  private async next(): Promise<void> {
    const { type, code } = await this.peer.frame();
    if (type === GOAWAY) {
      this.leaving = true;
      this.send();
      this.peer.socket.end();
      return;
    }
    expect(type).toBe('02');
    this.answered++;
    if (code === DRAINING) this.draining++;
  }

  private send(): void {
    this.peer.sendHex(burst);
    this.sent += IN_FLIGHT;
  }
}

describe('SIGTERM under load', () => {
  it('loses no PONG, reports draining first, and exits with 0', async () => {
    const cli = join(compiledPackage(), 'dist', 'cli.js');
    const server = trial.program([process.execPath, cli, 'serve'], { env: environment });
    const { address } = await server.says(/^listening on/);
    const port = Number(new URL(address).port);
    const peers = await Promise.all(Array.from({ length: 10 }, () => Peer.connect(port)));
    opened.push(...peers);
    const loads = peers.map((peer) => new Load(peer));
    const ended = loads.map((load) => load.untilGoaway());
    await Promise.all(loads.map(({ underWay }) => underWay));

    server.signal('SIGTERM');
    await Promise.all(ended);
    for (const { sent, answered, draining } of loads) {
      expect(answered).toBe(sent);
      expect(draining).toBeGreaterThan(0);
    }
    expect(peers.map(({ error }) => error)).toEqual(peers.map(() => undefined));
    expect(await server.exit()).toBe(0);
  });
});
