import { afterEach, describe, expect, it } from '@jest/globals';
import { frame, pingWith } from '../server/peer.js';
import type { Program } from './program.js';
import { quiet, stateOf, Trial } from './trial.js';

const trial = new Trial();
afterEach(() => trial.close());

/** Starts a program beside the server, and waits until it is `ready`. */
async function beside(script: string, port: number | undefined, plan: object = {}): Promise<Program> {
  const program = trial.node(script, [JSON.stringify({ to: { host: '127.0.0.1', port }, ...plan })]);
  await program.says('ready');
  return program;
}

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);

describe('3,000 hostile connections', () => {
  it('receive frames, an ERROR or a close, and leave nothing behind; another client is answered in the meantime', async () => {
    const { program: server, ports } = await trial.server({
      quiet: true,
      // Some attacks wait until their connections are closed.
      heartbeat: { idleTimeout: 2000 },
      limits: { frameTimeout: 1000 },
    });
    const steady = await beside('steady.js', ports[0], { every: 10 });
    const hostile = await beside('hostile.js', ports[0], { seed: 7464 });
    // What the first connections compile and cache is not a leak.
    await hostile.ask({ attack: 1000, perSecond: 1000 }, 'gone');
    const before = await quiet(server, 1);
    await steady.ask({ tell: true }, 'told');
    const { frames, words } = await hostile.ask({ attack: 3000, perSecond: 1000 }, 'gone');
    const after = await quiet(server, 1);

    expect(Object.keys(frames)).toEqual(expect.arrayContaining(['type 2', 'type 4', 'type 5']));
    for (const code of [1, 2, 3, 4, 5]) expect(frames[`ERROR ${code}`]).toBeGreaterThan(0);
    expect(words).toBeGreaterThan(0);
    expect(after.accepted - before.accepted).toBe(3000);
    expect(total(after.closed)).toBe(after.accepted - 1);
    expect([after.open, after.waiting, after.closed.internal]).toEqual([1, 0, 0]);
    expect(after.resources).toEqual(before.resources);
    expect(after.memory - before.memory).toBeLessThan(1_048_576);

    const told = await steady.ask({ tell: true }, 'told');
    expect([told.wrong, told.late]).toEqual([0, 0]);
    expect(told.times.length).toBeGreaterThan(100);
    expect(steady.all('closed')).toEqual([]);
  });
});

const id = 'a1a2a3a4a5a6a7a8';
const names = Array.from({ length: 24 }, (_, n) => `check-with-a-name-of-some-length-${n}`);
const MIB = 1_048_576;

describe('a peer that sends requests and never reads', () => {
  const stallTimeout = 4000;
  const count = 20;
  const watches = Array.from({ length: 64 }, (_, n) =>
    frame('03', `00000000000000${(n + 16).toString(16)}`, undefined, { flags: '02' }),
  );

  /**
   * Starts `count` greedy peers beside a well-behaved client. `cost` is the maximum memory per peer before the first
   * peer can be dropped.
   */
  async function besiege(flood: string) {
    const limits = { stallTimeout, pingsPerSecond: 0 };
    const { program: server, ports } = await trial.server({ quiet: true, bulk: 60, limits });
    const steady = await beside('steady.js', ports[0], { every: 10 });
    const before = await stateOf(server);
    const greedy = await beside('greedy.js', ports[0], { count, flood });
    const held: number[] = [];
    for (let look = 0; look < 6; look++) {
      await new Promise((resolve) => setTimeout(resolve, 400));
      held.push((await stateOf(server)).memory - before.memory);
    }
    return { server, steady, before, greedy, cost: Math.max(...held) / count };
  }

  it.each([
    ['bare PINGs', frame('01', id)],
    ['PINGs for the report', frame('01', id, undefined, { flags: '01' })],
    ['PINGs that wait for new runs and want the report', pingWith(id, { checks: names, maxAgeMs: 0 }, { flags: '01' })],
    ['WATCHes for the report', watches.join('')],
    ['lines', Buffer.from('ping\n').toString('hex')],
  ])('costs the server less than 1 MiB, and is closed: %s', async (_, flood) => {
    const { server, steady, before, greedy, cost } = await besiege(flood);
    expect(cost).toBeLessThan(MIB);
    const { first } = await greedy.says('closed');
    expect(first).toBeGreaterThanOrEqual(stallTimeout);
    const after = await quiet(server, 1);
    expect(after.closed).toMatchObject({ 'slow-peer': count });
    expect(after.resources).toEqual(before.resources);
    const { wrong, late } = await steady.ask({ tell: true }, 'told');
    expect([wrong, late]).toEqual([0, 0]);
  });

  // Of each 1 KB that a peer requests, the answer is 16 bytes, no faster than the checks run, so the kernel has room
  // for minutes.
  it('costs the server less than 1 MiB: PINGs that name checks and wait for new runs', async () => {
    const { server, steady, greedy, cost } = await besiege(pingWith(id, { checks: names, maxAgeMs: 0 }));
    expect(cost).toBeLessThan(MIB);
    const { wrong, late } = await steady.ask({ tell: true }, 'told');
    expect([wrong, late]).toEqual([0, 0]);
    await greedy.kill();
    expect((await quiet(server, 1)).waiting).toBe(0);
  });
});

describe('2,000 peers that never complete a frame', () => {
  it.each([
    ['a header', frame('01', id), [1]],
    ['a body', pingWith(id, { checks: names }).slice(0, 200), [1]],
    ['a line', Buffer.from('pppppppppp').toString('hex'), [null]],
  ])('are closed at its deadline, and not before: %s', async (_, beginning, codes) => {
    const frameTimeout = 3000;
    const { program: server, ports } = await trial.server({ quiet: true, limits: { frameTimeout } });
    const steady = await beside('steady.js', ports[0], { every: 10 });
    const before = await stateOf(server);
    const plan = { to: { host: '127.0.0.1', port: ports[0] }, count: 2000, beginning, every: 700 };
    const closed = await trial.node('slow-loris.js', [JSON.stringify(plan)]).says('closed');
    expect(closed.codes).toEqual(codes);
    expect(Math.min(...closed.times)).toBeGreaterThanOrEqual(frameTimeout);
    const after = await quiet(server, 1);
    expect(after.closed).toMatchObject({ 'protocol-error': 2000 });
    expect(after.resources).toEqual(before.resources);
    const { wrong, late } = await steady.ask({ tell: true }, 'told');
    expect([wrong, late]).toEqual([0, 0]);
  });
});

describe('20 peers above their rate limit', () => {
  it('receive the allowed answers, ERROR 8 and FIN, complete, while another client is answered', async () => {
    const pingsPerSecond = 5000;
    const { program: server, ports } = await trial.server({ quiet: true, limits: { pingsPerSecond } });
    const steady = await beside('steady.js', ports[0], { every: 10 });
    // Less than the amount that a server reads and discards after an ERROR. Beyond it, the server resets the
    // connection, and FIN may be lost.
    const plan = { to: { host: '127.0.0.1', port: ports[0] }, count: 20, pings: 40_000 };
    const { floods } = await trial.node('flood.js', [JSON.stringify(plan)]).says('flooded');
    for (const flood of floods) {
      expect(flood).toMatchObject({ error: 8, retryAfterMs: 1000, fin: true });
      expect(flood.pongs).toBeGreaterThanOrEqual(pingsPerSecond);
    }
    const { closed } = await quiet(server, 1);
    expect(closed).toMatchObject({ 'too-many-pings': 20 });
    const { wrong, late } = await steady.ask({ tell: true }, 'told');
    expect([wrong, late]).toEqual([0, 0]);
    expect(steady.all('closed')).toEqual([]);
  });
});
