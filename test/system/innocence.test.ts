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
/** Twenty clients with a PING a second each, some of them held by HELLO to what they promised. */
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

/** The silent one, and nobody else, was closed; all others go on being answered. */
async function onlySilentFound(server: ServerUnderTrial, innocents: PeersUnderTrial[], guilty: Said): Promise<Said> {
  const close = await server.program.says('close');
  expect([close.remotePort, close.reason]).toEqual([guilty.port, 'idle']);
  await passUntil(close.at + idleTimeout);
  expect(server.program.all('close')).toHaveLength(1);
  for (const { program } of innocents) {
    expect(program.all('closed')).toEqual([]);
    await program.ask({ awaitPongs: true }, 'ponged');
  }
  return close;
}

const heartbeat = { idleTimeout, pingInterval: 1000, maxPingsOut: 3 };

describe('nobody is closed falsely', () => {
  it('when the server stood still for 9 s, with a limit of 4 s; a silent one is still found', async () => {
    const server = await trial.server({ heartbeat });
    const innocents = await living(server);
    const guilty = await silent(server);
    await server.program.freeze();
    await passUntil(guilty.at + 9000);
    expect(server.program.all('close')).toEqual([]);
    server.program.thaw();
    await onlySilentFound(server, innocents, guilty);
  });

  it('when a handler blocked the loop for 7 s, with a limit of 4 s; a silent one is still found', async () => {
    const server = await trial.server({ heartbeat });
    const innocents = await living(server);
    const guilty = await silent(server);
    server.program.tell({ block: 7000 });
    const blocked = await server.program.says('blocked');
    const close = await onlySilentFound(server, innocents, guilty);
    // A whole limit after the loop went on.
    expect(close.at - blocked.at).toBeGreaterThanOrEqual(7000 + idleTimeout);
  });

  it.each(['+120', '-120'])('when the wall clock is set %s s; a silent one is still found', async (step) => {
    const clock = new WallClock(join(folder, 'clock'));
    const server = await trial.server({ heartbeat }, { env: clock.environment });
    const innocents = await living(server);
    const before = await server.program.ask({ list: true }, 'connections');
    clock.step(step);
    const guilty = await silent(server);
    const after = await server.program.ask({ list: true }, 'connections');
    // Its wall clock did jump: the newest connection is dated two minutes off.
    const last = ({ list }: Said) => Date.parse(list.at(-1).connectedAt);
    expect(Math.round((last(after) - last(before)) / 120_000)).toBe(Math.sign(Number(step)));
    const close = await onlySilentFound(server, innocents, guilty);
    expect(close.at - (guilty.startedAt as number)).toBeGreaterThanOrEqual(idleTimeout);
  });
});
