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
  it('ends with the result of the check, and leaves no timer', async () => {
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

  it('passes the deadline and the number of hops to the check', () => {
    const check = new ScriptedCheck({ timeout: 250 });
    start(check, 3);
    expect(check.last).toMatchObject({ deadline: 250, hops: 3 });
  });

  it('is aborted at its timeout, and ends then, whether or not the check settles', async () => {
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

  it('restarts its timeout, once, when the check reports a new connection', async () => {
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

  it('does not restart when the connection is reported after its end', async () => {
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

  it('reports when the check settles after an abort, and ignores its result', async () => {
    const check = new ScriptedCheck({ timeout: 250 });
    const { clock, ended, settled } = start(check);
    await clock.advance(900);
    check.last.pass();
    await settle();
    expect(settled).toEqual([900]);
    expect(ended).toHaveLength(1);
  });

  it('aborts with a reason, so that rethrowing it means timeout', async () => {
    const check = new ScriptedCheck({ timeout: 250 });
    const { clock } = start(check);
    await clock.advance(250);
    expect(check.last.signal.reason).toBeInstanceOf(CheckFailure);
    expect(check.last.signal.reason).toMatchObject({ reason: 'timeout' });
  });

  it.each(['function', 'module'])(
    'keeps the texts of a %s, which the author of the check has written',
    async (kind) => {
      const { ended } = start({ kind, run: () => Promise.reject(new Error('no')) });
      await settle();
      expect(ended[0]?.finding).toEqual({ status: 'fail', reason: 'custom', output: 'no' });
    },
  );

  it('reports an error without a reason in a built-in kind as an internal failure', async () => {
    const { ended } = start({ kind: 'mysql', run: () => Promise.reject(new Error('no')) });
    await settle();
    expect(ended[0]?.finding.reason).toBe('internal');
  });

  it('fails if the check throws synchronously', async () => {
    const { ended } = start({
      kind: 'function',
      run: () => {
        throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
      },
    });
    await settle();
    expect(ended[0]?.finding).toEqual({ status: 'fail', reason: 'refused', output: 'no' });
  });

  it('ends without a result when it is aborted, and the abort waits until the check settles', async () => {
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

  it('does not time out immediately after a stall of the process, because the response may not have been read', async () => {
    const check = new ScriptedCheck({ nonBlocking: true, timeout: 250 });
    const { clock, ended } = start(check);
    standStill(clock, 4000);
    await clock.advance(1);
    expect(ended).toEqual([]);
    check.last.pass();
    await clock.advance(10);
    expect(ended).toMatchObject([{ finding: { status: 'pass' } }]);
  });

  it('is extended by the time of a stall, so that it can finish several round trips', async () => {
    const check = new ScriptedCheck({ nonBlocking: true, timeout: 250 });
    const { clock, ended } = start(check);
    standStill(clock, 300);
    await clock.advance(40);
    check.last.pass();
    await clock.advance(1);
    expect(ended).toMatchObject([{ finding: { status: 'pass' } }]);
  });

  it('times out after at most one more timeout, regardless of stalls', async () => {
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
  /** A check that runs user code: `run`, which receives the number of the call. */
  const own = (clock: FakeClock, kind: string, run: (call: number) => unknown) => {
    let calls = 0;
    return start({ kind, timeout: 250, run: (async () => run(++calls)) as CheckDefinition['run'] }, 0, clock);
  };
  const blocking = {
    status: 'fail',
    reason: 'timeout',
    output: 'no answer within 250 ms: the check blocks the event loop',
  };

  it.each(['function', 'module', 'mine'])('fails if it blocks synchronously (%s)', async (kind) => {
    const clock = new FakeClock();
    const { ended } = own(clock, kind, () => clock.jump(251));
    await settle();
    expect(ended).toEqual([{ at: 251, finding: blocking }]);
  });

  it.each([
    ['and throws', () => Promise.reject(new Error('no'))],
    ['and passes', () => true],
  ])('fails if it blocks %s after it has awaited something', async (_how, end) => {
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

  it('fails if it awaits something afterwards', async () => {
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

  it('passes in its second attempt if something else blocked the event loop', async () => {
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

  it('is not run again within its minInterval', async () => {
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

/** Advances the time without firing timers, as a blocked event loop does. */
function standStill(clock: FakeClock, ms: number): void {
  (clock as unknown as { time: number }).time += ms;
}
