import { describe, expect, it } from '@jest/globals';
import { defineCheck } from '../../src/checks/define.js';
import { systemClock } from '../../src/common/clock.js';
import { redactor } from '../../src/common/redact.js';
import { type NormalizedResult, ResultNormalizer } from '../../src/health/result.js';
import { Loader } from '../../src/health/runs/loader.js';
import { Run } from '../../src/health/runs/run.js';
import { SingleFlight } from '../../src/health/runs/single-flight.js';
import { FakeClock, settle } from '../fake-clock.js';
import { ScriptedCheck } from './scripted-check.js';

function flightOf(check: ScriptedCheck, clock = new FakeClock()) {
  const ended: { startedAt: number; reason: string | undefined; ran: boolean }[] = [];
  const defined = defineCheck('x', check);
  const findings = new ResultNormalizer(redactor([]), 'me');
  const starts: number[] = [];
  const flight: SingleFlight = new SingleFlight(
    clock,
    defined.minInterval,
    (hops, listener) => {
      const run = new Run(defined, hops, clock, findings, listener);
      starts.push(run.startedAt);
      return run;
    },
    (hanging) => ({ status: 'fail', reason: 'timeout', output: `${hanging} hang` }),
    () => new Loader(defined.load, clock, findings),
    {
      began: () => {},
      finished: (_, result, end) => end(result),
      ended: (startedAt: number, finding: NormalizedResult, ran: boolean) =>
        ended.push({ startedAt, reason: finding.reason, ran }),
    },
  );
  return { clock, flight, ended, starts };
}

describe('a single flight', () => {
  it('starts immediately if nothing runs', () => {
    const check = new ScriptedCheck();
    const { flight } = flightOf(check);
    expect(flight.request(0)).toBe(1);
    expect(check.runs).toHaveLength(1);
  });

  it('has at most one run in progress and one queued, regardless of the number of requests', async () => {
    const check = new ScriptedCheck();
    const { clock, flight } = flightOf(check);
    expect([1, 2, 3, 4].map(() => flight.request(0))).toEqual([1, 2, 2, 2]);
    await clock.advance(300);
    expect(check.runs).toHaveLength(1);
    check.last.pass();
    await settle();
    expect(check.runs).toHaveLength(2);
    check.last.pass();
    await clock.advance(1000);
    expect(check.runs).toHaveLength(2);
  });

  it('never starts two runs within minInterval', async () => {
    const check = new ScriptedCheck({ minInterval: 100 });
    const { clock, flight, starts } = flightOf(check);
    for (let at = 0; at < 1000; at++) {
      flight.request(0);
      check.last.pass();
      await clock.advance(1);
    }
    expect(starts).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
  });

  it('measures minInterval with the clock of this process, whose timers may fire early', async () => {
    const check = new ScriptedCheck({ minInterval: 20 });
    const { flight, starts } = flightOf(check, systemClock as FakeClock);
    for (let run = 0; run < 8; run++) {
      const number = flight.request(0);
      while (flight.started < number) await new Promise((resolve) => setTimeout(resolve, 1));
      check.last.pass();
      await settle();
    }
    for (let i = 1; i < starts.length; i++) {
      expect((starts[i] as number) - (starts[i - 1] as number)).toBeGreaterThanOrEqual(20);
    }
  });

  it('numbers a run that waits for minInterval as the next one', async () => {
    const check = new ScriptedCheck();
    const { clock, flight } = flightOf(check);
    flight.request(0);
    check.last.pass();
    await settle();
    expect(flight.request(0)).toBe(2);
    expect([flight.started, flight.ended]).toEqual([1, 1]);
    await clock.advance(100);
    expect([flight.started, flight.ended]).toEqual([2, 1]);
  });

  it('passes the lowest number of hops of all requests to the queued run', async () => {
    const check = new ScriptedCheck();
    const { clock, flight } = flightOf(check);
    flight.request(2);
    expect(check.last.hops).toBe(2);
    flight.request(3);
    flight.request(1);
    flight.request(2);
    check.last.pass();
    await clock.advance(100);
    expect(check.last.hops).toBe(1);
    expect(check.runs).toHaveLength(2);
  });

  it('starts no run after stop, and waits until the current one settles', async () => {
    const check = new ScriptedCheck();
    const { clock, flight, ended } = flightOf(check);
    flight.request(0);
    flight.request(0);
    let stopped = false;
    void flight.stop().then(() => {
      stopped = true;
    });
    await clock.advance(5000);
    expect(check.last.signal.aborted).toBe(true);
    expect(stopped).toBe(false);
    check.last.fail(new Error('aborted'));
    await clock.advance(5000);
    expect(stopped).toBe(true);
    flight.request(0);
    await clock.advance(5000);
    expect(check.runs).toHaveLength(1);
    expect(ended).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});

describe('runs that hang', () => {
  /** Requests a run every 100 ms for this time. */
  async function wanting(flight: SingleFlight, clock: FakeClock, ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 100) {
      flight.request(0);
      await clock.advance(100);
    }
  }

  it('are abandoned at their timeout, and the next run starts concurrently', async () => {
    const check = new ScriptedCheck({ timeout: 800 });
    const { clock, flight } = flightOf(check);
    flight.request(0);
    await clock.advance(799);
    expect(flight.abandoned).toBe(0);
    await clock.advance(1);
    expect(flight.abandoned).toBe(1);
    flight.request(0);
    expect(check.runs).toHaveLength(2);
  });

  it('are no longer counted as abandoned once they settle', async () => {
    const check = new ScriptedCheck();
    const { clock, flight } = flightOf(check);
    flight.request(0);
    await clock.advance(800);
    check.last.pass();
    await settle();
    expect(flight.abandoned).toBe(0);
  });

  it('are not abandoned if the abort ends them', async () => {
    const check = new ScriptedCheck();
    check.obedient = true;
    const { clock, flight } = flightOf(check);
    await wanting(flight, clock, 20_000);
    expect(flight.abandoned).toBeLessThanOrEqual(1);
    expect(check.runs.length).toBeGreaterThan(20);
  });

  it('do not start the next run immediately when one settles in time', async () => {
    const check = new ScriptedCheck();
    const { clock, flight } = flightOf(check);
    await wanting(flight, clock, 1500);
    check.obedient = true;
    await clock.advance(1000);
    expect(check.runs).toHaveLength(3);
    await clock.advance(5000);
    expect(check.runs).toHaveLength(3);
    expect(flight.abandoned).toBe(2);
  });

  it('are at most 3 normally; beyond that the check fails with timeout immediately', async () => {
    const check = new ScriptedCheck({ timeout: 800 });
    const { clock, flight, ended } = flightOf(check);
    await wanting(flight, clock, 10_000);
    expect(check.runs).toHaveLength(3);
    expect(flight.abandoned).toBe(3);
    expect(ended.filter(({ ran }) => ran)).toHaveLength(3);
    const refused = ended.filter(({ ran }) => !ran);
    expect(refused.length).toBeGreaterThan(50);
    expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(['timeout']));
    for (let i = 1; i < refused.length; i++) {
      expect((refused[i]?.startedAt as number) - (refused[i - 1]?.startedAt as number)).toBeGreaterThanOrEqual(100);
    }
  });

  it('are retried every 30 s, until 20 hang in total', async () => {
    const check = new ScriptedCheck({ timeout: 800 });
    const { clock, flight, starts } = flightOf(check);
    await wanting(flight, clock, 30 * 60_000);
    expect(starts).toHaveLength(20);
    for (let i = 3; i < starts.length; i++) {
      const gap = (starts[i] as number) - (starts[i - 1] as number);
      expect(gap).toBeGreaterThanOrEqual(30_000);
      expect(gap).toBeLessThanOrEqual(30_100);
    }
    expect(flight.abandoned).toBe(20);
  }, 30_000);

  it('start another run without a request when 20 hang and one settles', async () => {
    const check = new ScriptedCheck({ timeout: 800 });
    const { clock, flight } = flightOf(check);
    await wanting(flight, clock, 11 * 60_000);
    expect(check.runs).toHaveLength(20);
    check.runs[4]?.pass();
    await clock.advance(100);
    expect(check.runs).toHaveLength(21);
    expect(flight.abandoned).toBe(19);
  }, 30_000);

  it('start a refused run as soon as few enough hang', async () => {
    const check = new ScriptedCheck({ timeout: 800 });
    const { clock, flight, ended } = flightOf(check);
    await wanting(flight, clock, 4000);
    expect(check.runs).toHaveLength(3);
    check.runs[0]?.pass();
    await clock.advance(100);
    expect(check.runs).toHaveLength(4);
    check.last.pass();
    await settle();
    expect(ended.at(-1)).toMatchObject({ reason: undefined, ran: true });
  });
});
