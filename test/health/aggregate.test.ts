import { describe, expect, it } from '@jest/globals';
import type { Reason } from '../../src/health/reason.js';
import { aggregate, type CheckState } from '../../src/health/state.js';

const critical = (state: CheckState, reason?: Reason) => ({ state, reason, critical: true });
const optional = (state: CheckState, reason?: Reason) => ({ state, reason, critical: false });

describe('aggregation', () => {
  it('is pass without checks', () => {
    expect(aggregate([])).toBe('pass');
  });

  it.each<[CheckState, CheckState[]]>([
    ['pass', ['pass', 'pass']],
    ['warn', ['pass', 'warn']],
    ['unknown', ['warn', 'unknown', 'pass']],
    ['fail', ['unknown', 'fail', 'warn', 'pass']],
  ])('is %s, the worst state, for %p', (expected, states) => {
    expect(aggregate(states.map((state) => critical(state)))).toBe(expected);
    expect(aggregate(states.reverse().map((state) => critical(state)))).toBe(expected);
  });

  it('counts fail and unknown of an optional check as warn, and changes nothing else', () => {
    expect(aggregate([optional('fail')])).toBe('warn');
    expect(aggregate([optional('unknown')])).toBe('warn');
    expect(aggregate([optional('warn')])).toBe('warn');
    expect(aggregate([optional('pass')])).toBe('pass');
    expect(aggregate([optional('fail'), critical('fail')])).toBe('fail');
  });

  it("ignores a failure that is only this service's own, reported back through a cycle", () => {
    expect(aggregate([critical('fail', 'loop')])).toBe('pass');
    expect(aggregate([optional('fail', 'loop')])).toBe('pass');
    expect(aggregate([critical('warn', 'loop'), critical('warn', 'lag')])).toBe('warn');
  });
});
