import { describe, expect, it } from '@jest/globals';
import { Turns } from '../../src/http/turns.js';
import { until } from './until.js';

/** Runs `count` jobs, and returns how many ended in each turn of the event loop. */
async function jobsByTurn(count: number, job: () => void | Promise<void>): Promise<number[]> {
  const turns = new Turns();
  const done: number[] = [];
  let turn = 0;
  let left = count;
  for (let n = 0; n < count; n++) {
    turns.run(async () => {
      await job();
      done[turn] = (done[turn] ?? 0) + 1;
      left--;
    });
  }
  const count1 = () => {
    turn++;
    if (left > 0) setImmediate(count1);
  };
  setImmediate(count1);
  await until(() => left === 0);
  return done.filter((jobs) => jobs > 0);
}

function work(ms: number): void {
  const begun = performance.now();
  while (performance.now() - begun < ms);
}

describe('turns of the event loop', () => {
  it('run a bounded number of jobs each', async () => {
    const done = await jobsByTurn(1000, () => {});
    expect(Math.max(...done)).toBeLessThanOrEqual(32);
  });

  it('run one long job each, even if its work is done in a promise', async () => {
    expect(await jobsByTurn(5, () => work(5))).toEqual([1, 1, 1, 1, 1]);
    expect(await jobsByTurn(5, async () => void (await Promise.resolve().then(() => work(5))))).toEqual([
      1, 1, 1, 1, 1,
    ]);
  });

  it('continue started jobs before they start others', async () => {
    const turns = new Turns();
    const order: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      turns.run(() => {
        order.push(`${name} begun`);
        void turns.next().then(() => order.push(`${name} done`));
      });
    }
    await until(() => order.length === 6);
    expect(order).toEqual(['a begun', 'a done', 'b begun', 'b done', 'c begun', 'c done']);
  });
});
