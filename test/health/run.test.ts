import { describe, expect, it } from '@jest/globals';
import { defineCheck } from '../../src/checks/define.js';
import { redactor } from '../../src/common/redact.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { CheckFailure } from '../../src/health/reason.js';
import { type NormalizedResult, ResultNormalizer } from '../../src/health/result.js';
import { Run } from '../../src/health/runs/run.js';
import { FakeClock, settle } from '../fake-clock.js';
import { ScriptedCheck } from './scripted-check.js';

function start(definition: CheckDefinition, hops = 0, clock = new FakeClock()) {
  const ended: { at: number; finding: NormalizedResult }[] = [];
  const settled: number[] = [];
  const run = new Run(defineCheck('x', definition), hops, clock, new ResultNormalizer(redactor([]), 'me'), {
    end: (_, finding) => ended.push({ at: clock.now(), finding }),
    settle: () => settled.push(clock.now()),
  });
  run.begin();
  return { clock, run, ended, settled };
}

describe('a run', () => {
  it('ends with what the check found out, and leaves no timer', async () => {
    const check = new ScriptedCheck();
    const { clock, ended, settled } = start(check);
    await clock.advance(30);
    check.last.result({ status: 'warn', reason: 'lag', output: 'slow' });
    await settle();
    expect(ended).toEqual([{ at: 30, finding: { status: 'warn', reason: 'lag', output: 'slow' } }]);
    expect(settled).toEqual([30]);
    expect(check.last.signal.aborted).toBe(false);
    expect(clock.timers).toBe(0);
  });

  it('tells the check its deadline and how far the question came', () => {
    const check = new ScriptedCheck({ timeout: 250 });
    start(check, 3);
    expect(check.last).toMatchObject({ deadline: 250, hops: 3 });
  });

  it('is aborted at its timeout, and ends then whether or not the check lets go', async () => {
    const check = new ScriptedCheck({ timeout: 250 });
    const { clock, run, ended, settled } = start(check);
    await clock.advance(249);
    expect(check.last.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(check.last.signal.aborted).toBe(true);
    expect(ended).toEqual([
      { at: 250, finding: { status: 'fail', reason: 'timeout', output: 'no answer within 250 ms' } },
    ]);
    expect(run.settled).toBe(false);
    expect(settled).toEqual([]);
  });

  it('has its time again, once, where the check had to make the connection that it keeps', async () => {
    const deadlines: unknown[] = [];
    const clock = new FakeClock();
    const { ended } = start(
      {
        kind: 'x',
        timeout: 250,
        run: (_signal, _deadline, _hops, connected) =>
          new Promise(() => {
            clock.after(200, () => deadlines.push(connected?.()));
            clock.after(400, () => deadlines.push(connected?.()));
          }),
      },
      0,
      clock,
    );
    await clock.advance(449);
    expect(deadlines).toEqual([450, 450]);
    expect(ended).toEqual([]);
    await clock.advance(1);
    expect(ended).toMatchObject([{ at: 450, finding: { reason: 'timeout' } }]);
    expect(clock.timers).toBe(0);
  });

  it('does not come to life again where the connection stands only after its end', async () => {
    const clock = new FakeClock();
    const { ended } = start(
      {
        kind: 'x',
        timeout: 250,
        run: (_signal, _deadline, _hops, connected) => new Promise(() => clock.after(300, () => connected?.())),
      },
      0,
      clock,
    );
    await clock.advance(1000);
    expect(ended).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  it('says when the check has let go after all, and takes no second result', async () => {
    const check = new ScriptedCheck({ timeout: 250 });
    const { clock, ended, settled } = start(check);
    await clock.advance(900);
    check.last.pass();
    await settle();
    expect(settled).toEqual([900]);
    expect(ended).toHaveLength(1);
  });

  it('gives its check the reason of the abort, so that rethrowing it says timeout', async () => {
    const check = new ScriptedCheck({ timeout: 250 });
    const { clock } = start(check);
    await clock.advance(250);
    expect(check.last.signal.reason).toBeInstanceOf(CheckFailure);
    expect(check.last.signal.reason).toMatchObject({ reason: 'timeout' });
  });

  it.each(['function', 'module'])('takes what a %s throws as the word of its author', async (kind) => {
    const { ended } = start({ kind, run: () => Promise.reject(new Error('no')) });
    await settle();
    expect(ended[0]?.finding).toEqual({ status: 'fail', reason: 'custom', output: 'no' });
  });

  it('takes what a built-in kind throws without a reason as a fault of the check', async () => {
    const { ended } = start({ kind: 'mysql', run: () => Promise.reject(new Error('no')) });
    await settle();
    expect(ended[0]?.finding.reason).toBe('internal');
  });

  it('fails where the check throws before it returns a promise', async () => {
    const { ended } = start({
      kind: 'function',
      run: () => {
        throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
      },
    });
    await settle();
    expect(ended[0]?.finding).toEqual({ status: 'fail', reason: 'refused', output: 'no' });
  });

  it('ends without a finding when it is aborted, and the abort waits until the check lets go', async () => {
    const check = new ScriptedCheck();
    const { clock, run, ended } = start(check);
    let detach = false;
    const aborted = run.abort().then(() => {
      detach = true;
    });
    await settle();
    expect(check.last.signal.aborted).toBe(true);
    expect(detach).toBe(false);
    check.last.pass();
    await aborted;
    expect(ended).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('does not time out at once after a stall of the process: the answer may have arrived but not been read', async () => {
    const check = new ScriptedCheck({ kind: 'mysql', timeout: 250 });
    const { clock, ended } = start(check);
    standStill(clock, 4000);
    await clock.advance(1);
    expect(ended).toEqual([]);
    check.last.pass();
    await clock.advance(10);
    expect(ended).toMatchObject([{ finding: { status: 'pass' } }]);
  });

  it('gets the time of a stall, so that it can finish several round trips', async () => {
    const check = new ScriptedCheck({ kind: 'mysql', timeout: 250 });
    const { clock, ended } = start(check);
    standStill(clock, 300);
    await clock.advance(40);
    check.last.pass();
    await clock.advance(1);
    expect(ended).toMatchObject([{ finding: { status: 'pass' } }]);
  });

  it('times out after at most its timeout again, however long the stalls were', async () => {
    const { clock, ended } = start(new ScriptedCheck({ timeout: 250 }));
    standStill(clock, 4000);
    await clock.advance(249);
    expect(ended).toEqual([]);
    standStill(clock, 4000);
    await clock.advance(1);
    expect(ended).toMatchObject([{ finding: { reason: 'timeout' } }]);
  });
});

describe('a check that blocks the event loop beyond its timeout', () => {
  /** A check of anyone's own, which does this with the clock in each call. */
  const own = (clock: FakeClock, kind: string, run: (call: number) => unknown) => {
    let calls = 0;
    return start({ kind, timeout: 250, run: (async () => run(++calls)) as CheckDefinition['run'] }, 0, clock);
  };
  const blocking = {
    status: 'fail',
    reason: 'timeout',
    output: 'no answer within 250 ms: the check blocks the event loop',
  };

  it.each(['function', 'module', 'mine'])('fails where it does so at once (%s)', async (kind) => {
    const clock = new FakeClock();
    const { ended } = own(clock, kind, () => clock.jump(251));
    await settle();
    expect(ended).toEqual([{ at: 251, finding: blocking }]);
  });

  it.each([
    ['and throws', () => Promise.reject(new Error('no'))],
    ['and passes', () => true],
  ])('fails where it does so %s after it has waited for something', async (_how, end) => {
    const clock = new FakeClock();
    let calls = 0;
    const { ended } = own(clock, 'function', async (call) => {
      calls = call;
      await null;
      clock.jump(400);
      return end();
    });
    await settle();
    expect(calls).toBe(2);
    expect(ended).toEqual([{ at: 800, finding: blocking }]);
  });

  it('fails where it waits for something afterwards', async () => {
    const clock = new FakeClock();
    const { ended } = own(clock, 'function', async () => {
      await null;
      clock.jump(400);
      await new Promise<void>((resolve) => clock.after(2, resolve));
    });
    await settle();
    await clock.advance(10);
    await clock.advance(10);
    expect(ended).toMatchObject([{ finding: blocking }]);
  });

  it('passes where something else did it, once it is tried again', async () => {
    const clock = new FakeClock();
    const { ended } = own(
      clock,
      'function',
      (call) => new Promise<void>((resolve) => clock.after(call === 1 ? 100 : 30, resolve)),
    );
    standStill(clock, 4000);
    await clock.advance(0);
    expect(ended).toEqual([]);
    await clock.advance(30);
    expect(ended).toEqual([{ at: 4030, finding: { status: 'pass' } }]);
    expect(clock.timers).toBe(0);
  });

  it('is not tried again within its minInterval', async () => {
    const clock = new FakeClock();
    let calls = 0;
    const { ended } = start(
      {
        kind: 'function',
        timeout: 250,
        minInterval: 1000,
        run: async () => {
          calls++;
          await null;
          clock.jump(300);
          return { status: 'pass' };
        },
      },
      0,
      clock,
    );
    await settle();
    expect([calls, ended]).toMatchObject([1, [{ finding: { status: 'pass' } }]]);
  });

  it('may be aborted in its second attempt', async () => {
    const clock = new FakeClock();
    const { run, ended } = own(clock, 'function', (call) =>
      call === 1
        ? new Promise<void>((resolve) => clock.after(100, resolve))
        : new Promise<void>((resolve) => clock.after(10, resolve)),
    );
    standStill(clock, 4000);
    await clock.advance(0);
    const aborted = run.abort();
    await clock.advance(10);
    await aborted;
    expect(ended).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});

/** Time passes, and no timer fires until it has. */
function standStill(clock: FakeClock, ms: number): void {
  (clock as unknown as { time: number }).time += ms;
}
