import { describe, expect, it, jest } from '@jest/globals';
import { defineCheck } from '../../src/checks/define.js';
import { redactor } from '../../src/common/redact.js';
import { ResultNormalizer } from '../../src/health/result.js';
import { Monitor } from '../../src/health/runs/monitor.js';
import { RepeatQueue } from '../../src/health/runs/repeat-queue.js';
import { FakeClock, settle } from '../fake-clock.js';
import { ScriptedCheck } from './scripted-check.js';

function monitorOf(check: ScriptedCheck) {
  const clock = new FakeClock();
  const changed = jest.fn();
  const normalizer = new ResultNormalizer(redactor([]), 'me');
  const monitor = new Monitor(defineCheck('x', check), {
    clock,
    random: () => 0,
    normalizer,
    loads: new Set(),
    repeats: new RepeatQueue(clock),
    staleLimit: 30_000,
    peers: undefined,
    tracer: undefined,
    recorded: jest.fn(),
    ran: jest.fn(),
    changed,
  });
  return { clock, monitor, changed };
}

describe('a callback that waits for a run', () => {
  it('is called when that run has ended, not when an earlier one has', async () => {
    const check = new ScriptedCheck();
    const { clock, monitor } = monitorOf(check);
    const first = { onRunEnded: jest.fn(), reconsider: jest.fn() };
    const second = { onRunEnded: jest.fn(), reconsider: jest.fn() };
    monitor.addWaiter(monitor.requestRun(1000, 0, 0, true), first);
    monitor.addWaiter(monitor.requestRun(0, 0, 0, true), second);
    check.last.pass();
    await settle();
    expect([first.onRunEnded, second.onRunEnded].map((onRunEnded) => onRunEnded.mock.calls.length)).toEqual([1, 0]);
    await clock.advance(100);
    check.last.pass();
    await settle();
    expect([first.onRunEnded, second.onRunEnded].map((onRunEnded) => onRunEnded.mock.calls.length)).toEqual([1, 1]);
  });

  it('is removed when it is canceled, for this run or the next', async () => {
    const check = new ScriptedCheck();
    const { clock, monitor } = monitorOf(check);
    const waiters = [
      { onRunEnded: jest.fn(), reconsider: jest.fn() },
      { onRunEnded: jest.fn(), reconsider: jest.fn() },
    ] as const;
    monitor.addWaiter(monitor.requestRun(1000, 0, 0, true), waiters[0]);
    monitor.addWaiter(monitor.requestRun(0, 0, 0, true), waiters[1]);
    for (const waiter of waiters) monitor.removeWaiter(waiter);
    check.last.pass();
    await clock.advance(100);
    check.last.pass();
    await settle();
    for (const { onRunEnded } of waiters) expect(onRunEnded).not.toHaveBeenCalled();
  });
});

describe('a monitor', () => {
  it('reports each result, with the state before it', async () => {
    const check = new ScriptedCheck();
    const { clock, monitor, changed } = monitorOf(check);
    monitor.start();
    check.last.pass();
    await clock.advance(5000);
    check.last.pass();
    await settle();
    expect(changed.mock.calls.map(([, before]) => (before as { state: string }).state)).toEqual(['unknown', 'pass']);
    expect(monitor.stats).toMatchObject({ runs: 2, transitions: 1 });
  });
});
