import { afterEach, describe, expect, it } from '@jest/globals';
import type { Program, Said } from './program.js';
import { Trial } from './trial.js';

const trial = new Trial();
afterEach(() => trial.close());

/** A program beside the server that is `ready`. */
async function beside(script: string, port: number | undefined, plan: object = {}): Promise<Program> {
  const program = trial.node(script, [JSON.stringify({ to: { host: '127.0.0.1', port }, ...plan })]);
  await program.says('ready');
  return program;
}

const state = (server: Program): Promise<Said> => server.ask({ state: true }, 'state');

/** The state once nobody but `open` is left. */
async function quiet(server: Program, open: number): Promise<Said> {
  for (;;) {
    const found = await state(server);
    if (found.open <= open) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);

describe('3,000 hostile connections', () => {
  it('get frames, an ERROR or a close, and leave nothing behind; who is beside them is answered', async () => {
    const { program: server, ports } = await trial.server({
      quiet: true,
      // Some wait until they are closed.
      heartbeat: { idleTimeout: 2000 },
      limits: { frameTimeout: 1000 },
    });
    const steady = await beside('steady.js', ports[0], { every: 10 });
    const hostile = await beside('hostile.js', ports[0], { seed: 7464 });
    // What is compiled and cached on the way of the first is not what they leave.
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
