import { describe, expect, it } from '@jest/globals';
import type { ResponderCause } from '../../src/fleet/digest.js';
import { type ResponderState, responderStates } from '../../src/fleet/responder.js';
import { causeText, headline, type Summarized, sharedCauses, totalOf, worstOf } from '../../src/fleet/summary.js';

const counts = (some: Partial<Record<ResponderState, number>>) => ({
  ...(Object.fromEntries(responderStates.map((state) => [state, 0])) as Record<ResponderState, number>),
  ...some,
});
const responder = (state: ResponderState, ...causes: ResponderCause[]): Summarized => ({
  state,
  why: undefined,
  digest: { causes },
});
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe('the headline', () => {
  it.each<[Partial<Record<ResponderState, number>>, string]>([
    [{}, 'No responder is known.'],
    [{ pass: 1 }, 'The responder passes.'],
    [{ pass: 40 }, 'All 40 responders pass.'],
    [{ fail: 1 }, '1 of 1 responder fails.'],
    [{ fail: 37, pass: 3 }, '37 of 40 responders fail.'],
    [{ fail: 37, unreachable: 1, warn: 2 }, '37 of 40 responders fail, 1 is unreachable, 2 are degraded.'],
    [{ unreachable: 1, pass: 1 }, '1 of 2 responders is unreachable.'],
    [{ connecting: 500 }, '500 of 500 responders have not been reached yet.'],
    [
      { unknown: 1, starting: 1, draining: 2, pass: 4 },
      '1 of 8 responders has an unknown state, 1 is starting, 2 are draining.',
    ],
  ])('for %j is: %s', (some, text) => {
    expect(headline(counts(some))).toBe(text);
  });

  it('is a description of the worst state', () => {
    expect(worstOf(counts({ warn: 1, unreachable: 2, pass: 30 }))).toBe('unreachable');
    expect(worstOf(counts({}))).toBe('pass');
    expect(totalOf(counts({ warn: 1, pass: 30 }))).toBe(31);
  });
});

describe('the causes of a fleet', () => {
  const db: ResponderCause = { state: 'fail', check: 'db', reason: 'timeout', output: 'no answer within 800 ms' };

  it('are grouped by check and reason, regardless of the output', () => {
    const found = sharedCauses([
      ...times(36, responder('fail', db)),
      responder('fail', { ...db, output: 'no answer within 801 ms' }),
      ...times(3, responder('pass')),
    ]);
    expect(found).toEqual([{ state: 'fail', check: 'db', reason: 'timeout', responders: 37 }]);
  });

  it('are listed by check, reason and service, the worst first, then those of the most responders', () => {
    const found = sharedCauses([
      responder('warn', { state: 'warn', check: 'cache', reason: 'slow' }),
      responder('warn', { state: 'warn', check: 'cache', reason: 'slow' }),
      responder('fail', { ...db, reason: 'refused' }),
      responder('fail', db, { ...db, of: 'stock' }),
      responder('fail', { ...db, of: 'stock' }),
      responder('unknown', { state: 'unknown', check: 'queue' }),
      { state: 'unreachable', why: 'refused the connection', digest: undefined },
    ]);
    expect(found.map((cause) => [causeText(cause), cause.responders, cause.state])).toEqual([
      ['db of stock=timeout', 2, 'fail'],
      ['db=refused', 1, 'fail'],
      ['db=timeout', 1, 'fail'],
      ['unreachable (refused the connection)', 1, 'unreachable'],
      ['queue', 1, 'unknown'],
      ['cache=slow', 2, 'warn'],
    ]);
  });

  it('count a responder once, and have the worst state of all', () => {
    const found = sharedCauses([
      responder('warn', { ...db, state: 'warn' }, db),
      responder('warn', { ...db, state: 'warn' }),
    ]);
    expect(found).toEqual([{ state: 'fail', check: 'db', reason: 'timeout', responders: 2 }]);
  });

  it('are those reported now: an unreachable responder has no other cause', () => {
    const found = sharedCauses([{ state: 'unreachable', why: 'is no longer reachable', digest: { causes: [db] } }]);
    expect(found.map(causeText)).toEqual(['unreachable (is no longer reachable)']);
  });
});
