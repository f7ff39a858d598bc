import { describe, expect, it } from '@jest/globals';
import { Hysteresis } from '../../src/health/runs/hysteresis.js';
import type { CheckState } from '../../src/health/state.js';

/** The effective states for these results, with one result per millisecond. */
function held(rise: number, fall: number, statuses: CheckState[]): string {
  const verdict = new Hysteresis(rise, fall, 0);
  return statuses
    .map((status, at) => {
      verdict.record({ status }, at + 1);
      return verdict.state;
    })
    .join(' ');
}

describe('rise and fall', () => {
  it('change the state on the first result by default', () => {
    expect(held(1, 1, ['pass', 'fail', 'pass'])).toBe('pass fail pass');
  });

  it('count the first result immediately', () => {
    expect(held(3, 3, ['fail'])).toBe('fail');
    expect(held(3, 3, ['pass'])).toBe('pass');
  });

  it('require the configured number of consecutive bad results', () => {
    expect(held(1, 3, ['pass', 'fail', 'fail', 'pass', 'fail', 'unknown', 'fail'])).toBe(
      'pass pass pass pass pass pass fail',
    );
  });

  it('require the configured number of consecutive good results', () => {
    expect(held(2, 1, ['fail', 'pass', 'fail', 'pass', 'warn'])).toBe('fail fail fail fail warn');
  });

  it('do not delay a change among good states or among bad states', () => {
    expect(held(3, 3, ['pass', 'warn', 'pass'])).toBe('pass warn pass');
    expect(held(3, 3, ['fail', 'unknown', 'fail'])).toBe('fail unknown fail');
  });

  it('keep the effective result together with its reason', () => {
    const verdict = new Hysteresis(1, 2, 0);
    verdict.record({ status: 'pass' }, 1);
    verdict.record({ status: 'fail', reason: 'refused' }, 2);
    expect(verdict.result).toEqual({ status: 'pass' });
    verdict.record({ status: 'fail', reason: 'reset' }, 3);
    expect(verdict.result).toEqual({ status: 'fail', reason: 'reset' });
  });
});

describe('the effective state', () => {
  it('is unknown before the first result', () => {
    expect(new Hysteresis(1, 1, 7)).toMatchObject({ state: 'unknown', since: 7, passes: 0, fails: 0 });
  });

  it('counts consecutive results of the same kind', () => {
    const verdict = new Hysteresis(1, 1, 0);
    verdict.record({ status: 'pass' }, 1);
    verdict.record({ status: 'warn' }, 2);
    expect(verdict).toMatchObject({ passes: 2, fails: 0 });
    verdict.record({ status: 'fail' }, 3);
    expect(verdict).toMatchObject({ passes: 0, fails: 1 });
  });

  it('has the time since which it has been the same', () => {
    const verdict = new Hysteresis(1, 1, 0);
    verdict.record({ status: 'pass' }, 1);
    verdict.record({ status: 'pass' }, 2);
    expect(verdict.since).toBe(1);
    verdict.record({ status: 'warn' }, 3);
    expect(verdict.since).toBe(3);
  });

  it('counts the next result immediately after a reset', () => {
    const verdict = new Hysteresis(3, 3, 0);
    verdict.record({ status: 'pass' }, 1);
    verdict.expire(2);
    expect(verdict).toMatchObject({ state: 'unknown', since: 2 });
    verdict.record({ status: 'fail' }, 3);
    expect(verdict.state).toBe('fail');
  });
});
