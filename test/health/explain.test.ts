import { describe, expect, it } from '@jest/globals';
import { duration, explain } from '../../src/health/explain.js';
import { parseReport } from '../../src/health/report-view.js';

const time = '2026-11-21T02:20:00.000Z';

function check(over: object = {}) {
  return [
    {
      state: 'pass',
      critical: true,
      since: '2026-11-21T02:00:00.000Z',
      passes: 9,
      fails: 0,
      rise: 1,
      fall: 1,
      ...over,
    },
  ];
}

function explained(report: object) {
  return explain(
    parseReport({ state: 'pass', instance: 'me', serviceId: 'shop', time, causes: [], checks: {}, ...report }),
  );
}

describe('an explanation', () => {
  it('says that all checks pass, and names the last change', () => {
    expect(explained({ checks: { db: check() } })).toEqual({
      headline: 'shop is ready: all checks pass.',
      lines: ['Last change: db became pass at 2026-11-21 02:00:00 UTC, 20 min ago.'],
    });
  });

  it('names the failing check of this service, and since when the overall status is fail', () => {
    const checks = {
      db: check({ state: 'fail', reason: 'refused', since: '2026-11-21T02:15:48.000Z' }),
      soft: check({ state: 'fail', reason: 'timeout', critical: false, since: '2026-11-21T02:01:00.000Z' }),
    };
    const causes = [
      { instance: 'me', via: [], check: 'db', reason: 'refused', output: 'nothing listens' },
      { instance: 'me', via: [], check: 'soft', reason: 'timeout' },
    ];
    const { headline, since, lines } = explained({ state: 'fail', causes, checks });
    expect(headline).toBe('shop is not ready.');
    expect(since).toEqual(new Date('2026-11-21T02:15:48.000Z'));
    expect(lines).toEqual([
      'Root cause: db is fail (refused: nothing listens).',
      'Also degraded: soft is fail (No answer within the timeout of the check), not critical.',
      'Last change: db became fail at 2026-11-21 02:15:48 UTC, 4 min 12 s ago.',
    ]);
  });

  it('names a blocked event loop, which is no check, as the root cause', () => {
    const output = 'the event loop has been blocked since 2026-11-21T02:19:50.000Z';
    const cause = { instance: 'me', check: 'event-loop', state: 'fail', reason: 'loop-blocked', output };
    const { lines } = explained({ state: 'fail', causes: [{ ...cause, via: [] }], checks: { db: check() } });
    expect(lines[0]).toBe(`Root cause: event-loop is fail (loop-blocked: ${output}).`);
    const far = { ...cause, instance: 'b', service: 'stock', via: ['b'] };
    const checks = { stock: check({ state: 'fail', reason: 'dependency' }) };
    expect(explained({ state: 'fail', causes: [far], checks }).lines[0]).toBe(
      `Root cause: event-loop of stock is not passing (loop-blocked: ${output}), seen through stock.`,
    );
  });

  it('names a check that is not critical as the root cause of a warn', () => {
    const checks = { soft: check({ state: 'fail', reason: 'refused', critical: false }) };
    const causes = [{ instance: 'me', via: [], check: 'soft', reason: 'refused', output: 'nothing listens' }];
    const { headline, lines } = explained({ state: 'warn', causes, checks });
    expect(headline).toBe('shop is ready, but degraded.');
    expect(lines[0]).toBe('Root cause: soft is fail (refused: nothing listens), not critical.');
  });

  const peers = (asked: number, answered: number, failing: number) => ({ asked, answered, failing });
  it.each([
    ['shared', peers(5, 5, 4), 'It fails at 4 of 5 peers too: the dependency has failed, not this instance.'],
    ['local', peers(5, 4, 1), 'It works at 3 of 4 peers: this instance has failed, not the dependency.'],
    ['unknown', peers(0, 0, 0), 'It is unknown whether the failure is shared: no peer was asked.'],
    [
      'unknown',
      peers(5, 1, 1),
      'It is unknown whether the failure is shared: 1 of 5 peers gave an answer that counts.',
    ],
    ['unknown', peers(5, 5, 5), 'It is unknown whether the failure is shared: the answers of peers are too old.'],
  ])('says what peers know about a failure: %s', (fate, peers, sentence) => {
    const checks = { db: check({ state: 'fail', reason: 'refused', since: '2026-11-21T02:15:48.000Z', fate, peers }) };
    const state = fate === 'shared' ? 'warn' : 'fail';
    const causes = [{ instance: 'me', via: [], check: 'db', state, reason: 'refused', output: 'gone', fate, peers }];
    const { since, lines } = explained({ state, causes, checks });
    expect(since).toEqual(new Date('2026-11-21T02:15:48.000Z'));
    expect(lines[0]).toBe(`Root cause: db is fail (refused: gone). ${sentence}`);
  });

  it('names a shared failure after the one that takes the service down', () => {
    const fate = { fate: 'shared', peers: peers(3, 3, 3) };
    const checks = {
      disk: check({ state: 'fail', reason: 'threshold' }),
      db: check({ state: 'fail', reason: 'refused', ...fate }),
    };
    const causes = [
      { instance: 'me', via: [], check: 'disk', state: 'fail', reason: 'threshold', output: 'full' },
      { instance: 'me', via: [], check: 'db', state: 'warn', reason: 'refused', output: 'gone', ...fate },
    ];
    expect(explained({ state: 'fail', causes, checks }).lines.slice(0, 2)).toEqual([
      'Root cause: disk is fail (threshold: full).',
      'Also degraded: db is fail (refused: gone). It fails at 3 of 3 peers too: the dependency has failed, not this instance.',
    ]);
  });

  it('says what peers of another responder know, and what peers know about the check of it', () => {
    const fate = { fate: 'shared', peers: peers(4, 4, 4) };
    const causes = [{ instance: 'c', service: 'stock', via: ['c'], check: 'redis', reason: 'timeout', ...fate }];
    const checks = { orders: check({ state: 'fail', reason: 'dependency', fate: 'local', peers: peers(2, 2, 0) }) };
    expect(explained({ state: 'fail', causes, checks }).lines.slice(0, 2)).toEqual([
      'Root cause: redis of stock is not passing (No answer within the timeout of the check), seen through orders. It fails at 4 of 4 peers too: the dependency has failed, not that instance.',
      'Peers were asked about orders. It works at 2 of 2 peers: this instance has failed, not the dependency.',
    ]);
  });

  it('names the cause at the end of a chain, and the path to it', () => {
    const checks = { orders: check({ state: 'fail', reason: 'dependency' }) };
    const causes = [
      { instance: 'c', service: 'stock', via: ['c', 'b'], check: 'redis', reason: 'timeout', output: 'no answer' },
    ];
    expect(explained({ state: 'fail', causes, checks }).lines[0]).toBe(
      'Root cause: redis of stock is not passing (timeout: no answer), seen through orders, then the responder b.',
    );
  });

  it('ignores checks that only reflect a failure of this service', () => {
    const checks = { friend: check({ state: 'fail', reason: 'loop' }) };
    expect(explained({ checks }).lines[0]).toMatch(/^Ignored, .*: friend\.$/);
  });

  it.each([
    ['pass', { fails: 1, passes: 0, fall: 3 }, 'Pending: x has 1 of the 3 consecutive failures after which it fails.'],
    ['fail', { fails: 0, passes: 2, rise: 4 }, 'Pending: x has 2 of the 4 consecutive passes after which it recovers.'],
  ])('reports the pending threshold of a check that is %s', (state, counts, description) => {
    expect(explained({ state, checks: { x: check({ state, ...counts }) } }).lines).toContain(description);
  });

  it('reports a stale result, but not one between two background runs', () => {
    const old = (ageMs: number) =>
      explained({ checks: { x: check({ stale: true, ageMs }) } }).lines.filter((line) => line.startsWith('Stale'));
    expect(old(4000)).toEqual([]);
    expect(old(12_000)).toEqual(['Stale: the result of x is 12 s old and exceeds its max age.']);
  });

  it('bounds the causes that it lists', () => {
    const causes = Array.from({ length: 20 }, (_, i) => ({ instance: 'me', via: [], check: `c${i}` }));
    const { lines } = explained({ state: 'fail', causes });
    expect(lines).toHaveLength(9);
    expect(lines[8]).toBe('12 more causes are in the report.');
  });

  it.each([
    undefined,
    null,
    7,
    'x',
    [],
    { state: 5, causes: 'x', checks: [1] },
    { causes: [null, 3], checks: { a: null } },
  ])('handles %j', (report) => {
    expect(explain(parseReport(report)).headline).toBe('The service is not ready: the state of its checks is unknown.');
  });
});

describe('formatDuration', () => {
  it.each([
    [0.4, '0 ms'],
    [850, '850 ms'],
    [12_900, '12 s'],
    [252_000, '4 min 12 s'],
    [240_000, '4 min'],
    [11_100_000, '3 h 5 min'],
    [1_051_200_000, '12 d 4 h'],
    [-5, '0 ms'],
  ])('%d ms is %s', (ms, words) => {
    expect(duration(ms)).toBe(words);
  });
});
