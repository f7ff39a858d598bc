import { describe, expect, it } from '@jest/globals';
import { Hysteresis } from '../../src/health/runs/hysteresis.js';
import type { CheckState } from '../../src/health/state.js';

/** The states that are held while `statuses` come in, one a millisecond. */
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
  it('flip at once by default', () => {
    expect(held(1, 1, ['pass', 'fail', 'pass'])).toBe('pass fail pass');
  });

  it('count the first result at once', () => {
    expect(held(3, 3, ['fail'])).toBe('fail');
    expect(held(3, 3, ['pass'])).toBe('pass');
  });

  it('wait for so many bad results in a row', () => {
    expect(held(1, 3, ['pass', 'fail', 'fail', 'pass', 'fail', 'unknown', 'fail'])).toBe(
      'pass pass pass pass pass pass fail',
    );
  });

  it('wait for so many good results in a row', () => {
    expect(held(2, 1, ['fail', 'pass', 'fail', 'pass', 'warn'])).toBe('fail fail fail fail warn');
  });

  it('do not hold back a change within the good or within the bad', () => {
    expect(held(3, 3, ['pass', 'warn', 'pass'])).toBe('pass warn pass');
    expect(held(3, 3, ['fail', 'unknown', 'fail'])).toBe('fail unknown fail');
  });

  it('keep the finding that counts together with its reason', () => {
    const verdict = new Hysteresis(1, 2, 0);
    verdict.record({ status: 'pass' }, 1);
    verdict.record({ status: 'fail', reason: 'refused' }, 2);
    expect(verdict.result).toEqual({ status: 'pass' });
    verdict.record({ status: 'fail', reason: 'reset' }, 3);
    expect(verdict.result).toEqual({ status: 'fail', reason: 'reset' });
  });
});

describe('a verdict', () => {
  it('knows nothing at first', () => {
    expect(new Hysteresis(1, 1, 7)).toMatchObject({ state: 'unknown', since: 7, passes: 0, fails: 0 });
  });

  it('counts results in a row, of one side only', () => {
    const verdict = new Hysteresis(1, 1, 0);
    verdict.record({ status: 'pass' }, 1);
    verdict.record({ status: 'warn' }, 2);
    expect(verdict).toMatchObject({ passes: 2, fails: 0 });
    verdict.record({ status: 'fail' }, 3);
    expect(verdict).toMatchObject({ passes: 0, fails: 1 });
  });

  it('knows since when the state is what it is', () => {
    const verdict = new Hysteresis(1, 1, 0);
    verdict.record({ status: 'pass' }, 1);
    verdict.record({ status: 'pass' }, 2);
    expect(verdict.since).toBe(1);
    verdict.record({ status: 'warn' }, 3);
    expect(verdict.since).toBe(3);
  });

  it('counts the next result at once after it has forgotten', () => {
    const verdict = new Hysteresis(3, 3, 0);
    verdict.record({ status: 'pass' }, 1);
    verdict.expire(2);
    expect(verdict).toMatchObject({ state: 'unknown', since: 2 });
    verdict.record({ status: 'fail' }, 3);
    expect(verdict.state).toBe('fail');
  });
});
