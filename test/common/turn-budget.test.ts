import { expect, it } from '@jest/globals';
import { TurnBudget } from '../../src/common/turn-budget.js';
import { FakeClock } from '../fake-clock.js';

it('gives all connections together 4 ms, and as much again in the next turn of the event loop', async () => {
  const clock = new FakeClock();
  const budget = new TurnBudget(clock);
  expect(budget.isSpent()).toBe(false);
  clock.jump(3);
  expect(budget.isSpent()).toBe(false);
  clock.jump(1);
  expect([budget.isSpent(), budget.isSpent()]).toEqual([true, true]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(budget.isSpent()).toBe(false);
});
