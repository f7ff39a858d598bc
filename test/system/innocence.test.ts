import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { passUntil, type Said } from './program.js';
import { type PeersUnderTrial, type ServerUnderTrial, Trial } from './trial.js';
import { WallClock } from './wall-clock.js';

const trial = new Trial();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pongcheck-clock-'));
});
afterEach(async () => {
  await trial.close();
  rmSync(folder, { recursive: true });
});

const idleTimeout = 4000;
/**
 * Twenty clients that send one PING per second each. Some of them announced that in HELLO, so the server enforces it.
 */
async function living({ ports }: ServerUnderTrial): Promise<PeersUnderTrial[]> {
  const to = { host: '127.0.0.1', port: ports[0] };
  const hello = { heartbeat: { canSendMs: 1000, wantMs: 1000 } };
  return [
    await trial.peers({ to, count: 10, pingEvery: 1000, spread: 1000 }),
    await trial.peers({ to, count: 10, pingEvery: 1000, spread: 1000, hello }),
  ];
}

async function silent({ ports }: ServerUnderTrial): Promise<Said> {
  const { peers } = await trial.peers({ to: { host: '127.0.0.1', port: ports[0] } });
  return peers[0] as Said;
}

/** Asserts that only the silent client was closed and that all others are still answered. */
async function onlySilentFound(server: ServerUnderTrial, live: PeersUnderTrial[], silentClient: Said): Promise<Said> {
  const close = await server.program.says('close');
  expect([close.remotePort, close.reason]).toEqual([silentClient.port, 'idle']);
  await passUntil(close.at + idleTimeout);
  expect(server.program.all('close')).toHaveLength(1);
  for (const { program } of live) {
    expect(program.all('closed')).toEqual([]);
    await program.ask({ awaitPongs: true }, 'ponged');
  }
  return close;
}

const heartbeat = { idleTimeout, pingInterval: 1000, maxPingsOut: 3 };

describe('a live client is not closed', () => {
  it('after the server was stopped for 9 s, with a limit of 4 s; a silent client still is closed', async () => {
    const server = await trial.server({ heartbeat });
    const live = await living(server);
    const silentClient = await silent(server);
    await server.program.freeze();
    await passUntil(silentClient.at + 9000);
    expect(server.program.all('close')).toEqual([]);
    server.program.thaw();
    await onlySilentFound(server, live, silentClient);
  });

  it('after a handler blocked the event loop for 7 s, with a limit of 4 s; a silent client still is closed', async () => {
    const server = await trial.server({ heartbeat });
    const live = await living(server);
    const silentClient = await silent(server);
    server.program.send({ block: 7000 });
    const blocked = await server.program.says('blocked');
    const close = await onlySilentFound(server, live, silentClient);
    // A whole limit after the event loop continued.
    expect(close.at - blocked.at).toBeGreaterThanOrEqual(7000 + idleTimeout);
  });

  it.each(['+120', '-120'])('when the wall clock is set %s s; a silent client still is closed', async (step) => {
    const clock = new WallClock(join(folder, 'clock'));
    const server = await trial.server({ heartbeat }, { env: clock.environment });
    const live = await living(server);
    const before = await server.program.ask({ list: true }, 'connections');
    clock.step(step);
    const silentClient = await silent(server);
    const after = await server.program.ask({ list: true }, 'connections');
    // The wall clock did jump: the newest connection has a time that is two minutes off.
    const last = ({ list }: Said) => Date.parse(list.at(-1).connectedAt);
    expect(Math.round((last(after) - last(before)) / 120_000)).toBe(Math.sign(Number(step)));
    const close = await onlySilentFound(server, live, silentClient);
    expect(close.at - (silentClient.startedAt as number)).toBeGreaterThanOrEqual(idleTimeout);
  });
});
