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

interface Load {
  sent: number;
  answered: number;
  draining: number;
}

/** Keeps PINGs in flight until GOAWAY, answers or not, then sends FIN and reads to the end. */
async function loadUntilGoaway(peer: Peer): Promise<Load> {
  const load = { sent: 0, answered: 0, draining: 0 };
  peer.sendHex(frame('05', id, {}));
  await peer.frame();
  for (let leaving = false; !leaving; ) {
    peer.sendHex(burst);
    load.sent += IN_FLIGHT;
    for (let due = IN_FLIGHT; due > 0; ) {
      const { type, code } = await peer.frame();
      if (type === '06') {
        // More than is in flight already, so that FIN overtakes nothing only by luck.
        peer.sendHex(burst);
        load.sent += IN_FLIGHT;
        due += IN_FLIGHT;
        leaving = true;
        peer.socket.end();
        continue;
      }
      expect(type).toBe('02');
      load.answered++;
      if (code === '04') load.draining++;
      due--;
    }
  }
  await peer.untilEnd();
  return load;
}

describe('SIGTERM under load', () => {
  it('loses no PONG, tells readiness first, and exits with 0', async () => {
    const cli = join(compiledPackage(), 'dist', 'cli.js');
    const env = { PONGCHECK_LISTEN: 'pong://127.0.0.1:0', PONGCHECK_HTTP: 'false', PONGCHECK_DRAIN_GRACE: '4s', PONGCHECK_DRAIN_DELAY: '1s', PONGCHECK_LIMITS_PINGS_PER_SECOND: '0' };
    const server = trial.program([process.execPath, cli, 'serve', '--log-level', 'info'], { env });
    await new Promise((resolve) => setImmediate(resolve));
    const address = await listening(server);
    const peers = await Promise.all(Array.from({ length: 10 }, () => Peer.connect(address)));
    opened.push(...peers);
    const loads = peers.map(loadUntilGoaway);
    // Under load: all of them have been answered many times.
    await Promise.all(peers.map((peer) => new Promise<void>((resolve) => peer.socket.on('data', () => peer.socket.bytesRead > 100_000 && resolve()))));
    server.signal('SIGTERM');
    for (const { sent, answered, draining } of await Promise.all(loads)) {
      expect(answered).toBe(sent);
      expect(draining).toBeGreaterThan(0);
    }
    expect(await server.exit()).toBe(0);
    expect(peers.every(({ error }) => error === undefined)).toBe(true);
  });
});
