import { describe, expect, it } from '@jest/globals';
import { duration, explain, explanationLines } from '../../src/health/explain.js';
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

const linesOf = (report: object) => explanationLines(explained(report));

describe('an explanation', () => {
  it('names the time of a check that counts, not of one that only reflects this service itself', () => {
    const checks = {
      db: check({ state: 'fail', reason: 'refused', since: '2026-11-21T02:15:48.000Z' }),
      back: check({ state: 'fail', reason: 'loop', since: '2026-11-21T02:01:00.000Z' }),
    };
    expect(explained({ state: 'fail', checks }).since).toEqual(new Date('2026-11-21T02:15:48.000Z'));
  });

  it('states that all checks pass, and names the last change', () => {
    expect(explained({ checks: { db: check() } })).toEqual({
      headline: 'shop is ready: all checks pass.',
      causes: [],
      degraded: [],
      notes: ['Last change: db changed to pass at 2026-11-21 02:00:00 UTC, 20 min ago.'],
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
    const explanation = explained({ state: 'fail', causes, checks });
    const text = 'soft fails (No answer within the timeout of the check), not critical.';
    const lastChange = 'Last change: db changed to fail at 2026-11-21 02:15:48 UTC, 4 min 12 s ago.';
    expect(explanation).toEqual({
      headline: 'shop is not ready.',
      since: new Date('2026-11-21T02:15:48.000Z'),
      causes: [{ text: 'db fails (refused: nothing listens).', path: ['shop', 'db'], checks: ['db'], state: 'fail' }],
      degraded: [{ text, path: ['shop', 'soft'], checks: ['soft'], state: 'warn' }],
      notes: [lastChange],
    });
    expect(explanationLines(explanation)).toEqual([
      'Root cause: db fails (refused: nothing listens).',
      `Also degraded: ${text}`,
      lastChange,
    ]);
  });

  it('names a blocked event loop, which is not a check, as the root cause', () => {
    const output = 'the event loop has been blocked since 2026-11-21T02:19:50.000Z';
    const cause = { instance: 'me', check: 'event-loop', state: 'fail', reason: 'loop-blocked', output };
    const { causes } = explained({ state: 'fail', causes: [{ ...cause, via: [] }], checks: { db: check() } });
    const text = `event-loop fails (loop-blocked: ${output}).`;
    expect(causes).toEqual([{ text, path: ['shop', 'event-loop'], checks: [], state: 'fail' }]);
    const far = { ...cause, instance: 'b', service: 'stock', via: ['b'] };
    const checks = { stock: check({ state: 'fail', reason: 'dependency' }) };
    expect(linesOf({ state: 'fail', causes: [far], checks })[0]).toBe(
      `Root cause: event-loop of stock does not pass (loop-blocked: ${output}). Seen through stock.`,
    );
  });

  it('names what degrades a service that is ready, but not as a root cause', () => {
    const checks = {
      soft: check({ state: 'fail', reason: 'refused', critical: false }),
      slow: check({ state: 'warn', reason: 'lag' }),
    };
    const causes = [
      { instance: 'me', via: [], check: 'soft', reason: 'refused', output: 'nothing listens' },
      { instance: 'me', via: [], check: 'slow', state: 'warn', reason: 'lag', output: '7 s behind' },
    ];
    const { headline, degraded } = explained({ state: 'warn', causes, checks });
    expect([headline, degraded]).toEqual(['shop is ready, but degraded.', []]);
    expect(linesOf({ state: 'warn', causes, checks }).slice(0, 2)).toEqual([
      'Degraded: soft fails (refused: nothing listens), not critical.',
      'Degraded: slow warns (lag: 7 s behind).',
    ]);
  });

  it('does not call a failure of another responder behind a check that is not critical a root cause', () => {
    const checks = {
      db: check({ state: 'fail', reason: 'timeout' }),
      stock: check({ state: 'fail', reason: 'dependency', critical: false }),
    };
    const causes = [
      { instance: 'me', via: [], check: 'db', state: 'fail', reason: 'timeout', output: 'no answer' },
      {
        instance: 'c',
        service: 'stock',
        via: ['c'],
        through: 'stock',
        check: 'redis',
        state: 'warn',
        reason: 'refused',
        output: 'gone',
      },
    ];
    const explanation = explained({ state: 'fail', causes, checks });
    expect(explanation.causes.map(({ checks }) => checks)).toEqual([['db']]);
    expect(explanationLines(explanation)[1]).toBe(
      'Also degraded: redis of stock does not pass (refused: gone), not critical. Seen through stock.',
    );
  });

  it('lists a failure behind several checks once, before those behind one', () => {
    const fails = check({ state: 'fail', reason: 'dependency' });
    const redis = { instance: 'c', service: 'stock', check: 'redis', state: 'fail', reason: 'refused', output: 'gone' };
    const causes = [
      { instance: 'me', via: [], check: 'db', state: 'fail', reason: 'timeout', output: 'no answer' },
      { ...redis, via: ['c', 'b'], through: 'orders', state: 'warn' },
      { ...redis, via: ['c'], through: 'stock' },
    ];
    const checks = { db: check({ state: 'fail', reason: 'timeout' }), orders: fails, stock: fails };
    const explanation = explained({ state: 'fail', causes, checks });
    expect(explanation.degraded).toEqual([]);
    expect(explanation.causes).toEqual([
      {
        text: 'redis of stock does not pass (refused: gone).',
        path: ['shop', 'stock and orders', 'stock', 'redis'],
        checks: ['stock', 'orders'],
        state: 'fail',
      },
      { text: 'db fails (timeout: no answer).', path: ['shop', 'db'], checks: ['db'], state: 'fail' },
    ]);
  });

  describe('with causes at one server', () => {
    const fails = (target: string, over: object = {}) => check({ state: 'fail', reason: 'refused', target, ...over });
    const cause = (check: string, target: string, over: object = {}) => ({
      ...{ instance: 'me', via: [], state: 'fail', reason: 'refused', output: 'gone' },
      ...{ check, target, ...over },
    });
    const remote = (target: string, over: object = {}) =>
      cause('redis', target, { instance: 'c', service: 'stock', via: ['c'], through: 'stock', ...over });
    const peer = (target = 'pong://stock.test:7464') => fails(target, { reason: 'dependency' });
    /** The affected checks of each cause. */
    const checksOf = (causes: object[], checks: object) =>
      explained({ state: 'fail', causes, checks }).causes.map(({ checks }) => checks.join());

    it('lists a dead server behind its own checks and another responder once', () => {
      const causes = [
        cause('sessions', 'redis://cache.test:6379/1', { state: 'warn' }),
        remote('redis://cache.test:6379'),
        cause('cache', 'redis://cache.test:6379'),
      ];
      const checks = {
        sessions: fails('redis://cache.test:6379/1', { critical: false }),
        stock: peer(),
        cache: fails('redis://cache.test:6379'),
      };
      const explanation = explained({ state: 'fail', causes, checks });
      expect(explanation.degraded).toEqual([]);
      expect(explanation.causes).toEqual([
        {
          text: 'cache fails (refused: gone).',
          path: ['shop', 'cache'],
          checks: ['cache', 'sessions', 'stock'],
          state: 'fail',
        },
      ]);
      expect(explanationLines(explanation)[0]).toBe(
        'Root cause: cache fails (refused: gone). Affects cache, sessions, stock.',
      );
    });

    it.each([
      ['another reason', 'redis://h:1', { reason: 'timeout' }],
      ['a reason about what is asked', 'redis://h:1', { reason: 'auth' }],
      ['another port', 'redis://h:2'],
      ['another scheme', 'rediss://h:1'],
      ['no target', undefined],
    ] as const)('lists two causes with %s', (_, target, over: { reason?: string } = {}) => {
      const first = cause('a', 'redis://h:1', over.reason === 'auth' ? over : {});
      const checks = { a: fails('redis://h:1'), b: fails('redis://h:1') };
      expect(checksOf([first, cause('b', target as string, over)], checks)).toEqual(['a', 'b']);
    });

    it('distinguishes two servers behind the same Sentinels', () => {
      const [a, b] = ['redis+sentinel://s:1/a', 'redis+sentinel://s:1/b'];
      expect(checksOf([cause('a', a), cause('b', b)], { a: fails(a), b: fails(b) })).toEqual(['a', 'b']);
    });

    it.each([
      ['masked credentials', 'redis://***@h:1', 'redis://h:1/2'],
      ['a database behind a socket', 'redis:///run/redis.sock', 'redis:///run/redis.sock 2'],
    ])('treats a target with %s as the same server', (_, a, b) => {
      expect(checksOf([cause('a', a), cause('b', b)], { a: fails(a), b: fails(b) })).toEqual(['a,b']);
    });

    it.each([
      'redis://127.0.0.1:6379',
      'redis://***@127.0.0.1:6379',
      'redis://localhost:6379',
      'redis:///run/redis.sock',
    ])('treats %s of another responder as the same only if that is on this machine', (target) => {
      const causes = [cause('cache', target), remote(target)];
      const checks = { cache: fails(target), stock: peer() };
      expect(checksOf(causes, checks)).toEqual(['cache', 'stock']);
      expect(checksOf(causes, { ...checks, stock: peer('pong://127.0.0.1:7465') })).toEqual(['cache,stock']);
      const far = [cause('cache', target), remote(target, { via: ['c', 'b'] })];
      expect(checksOf(far, { ...checks, stock: peer('pong://127.0.0.1:7465') })).toEqual(['cache', 'stock']);
    });
  });

  it.each([
    ['draining', 'Also failing: db fails (gone).'],
    ['starting', 'Root cause: db fails (gone).'],
  ])('states how the checks are related to %s', (state, line) => {
    const causes = [{ instance: 'me', via: [], check: 'db', state: 'fail', output: 'gone' }];
    expect(linesOf({ state, causes, checks: { db: check({ state: 'fail' }) } })[0]).toBe(line);
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
  ])('states the answers of peers about a failure: %s', (fate, peers, sentence) => {
    const checks = { db: check({ state: 'fail', reason: 'refused', since: '2026-11-21T02:15:48.000Z', fate, peers }) };
    const state = fate === 'shared' ? 'warn' : 'fail';
    const causes = [{ instance: 'me', via: [], check: 'db', state, reason: 'refused', output: 'gone', fate, peers }];
    const explanation = explained({ state, causes, checks });
    expect(explanation.since).toEqual(new Date('2026-11-21T02:15:48.000Z'));
    const label = fate === 'shared' ? 'Degraded' : 'Root cause';
    expect(explanationLines(explanation)[0]).toBe(`${label}: db fails (refused: gone). ${sentence}`);
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
    expect(linesOf({ state: 'fail', causes, checks }).slice(0, 2)).toEqual([
      'Root cause: disk fails (threshold: full).',
      'Also degraded: db fails (refused: gone). It fails at 3 of 3 peers too: the dependency has failed, not this instance.',
    ]);
  });

  it('states the answers of another responder’s peers, and of peers about the check of it', () => {
    const fate = { fate: 'shared', peers: peers(4, 4, 4) };
    const causes = [{ instance: 'c', service: 'stock', via: ['c'], check: 'redis', reason: 'timeout', ...fate }];
    const checks = { orders: check({ state: 'fail', reason: 'dependency', fate: 'local', peers: peers(2, 2, 0) }) };
    expect(linesOf({ state: 'fail', causes, checks }).slice(0, 2)).toEqual([
      'Root cause: redis of stock does not pass (No answer within the timeout of the check). Seen through orders. It fails at 4 of 4 peers too: the dependency has failed, not that instance.',
      'Peers were queried about orders. It works at 2 of 2 peers: this instance has failed, not the dependency.',
    ]);
  });

  it('names the cause at the end of a chain, and the path to it', () => {
    const checks = { orders: check({ state: 'fail', reason: 'dependency' }) };
    const causes = [
      { instance: 'c', service: 'stock', via: ['c', 'b'], check: 'redis', reason: 'timeout', output: 'no answer' },
    ];
    const explanation = explained({ state: 'fail', causes, checks });
    expect(explanationLines(explanation)[0]).toBe(
      'Root cause: redis of stock does not pass (timeout: no answer). Seen through orders, then responder b.',
    );
    expect(explanation.causes[0]?.path).toEqual(['shop', 'orders', 'responder b', 'stock', 'redis']);
  });

  it('names all checks through which a cause may have come if the report does not name one', () => {
    const fails = check({ state: 'fail', reason: 'dependency' });
    const causes = [{ instance: 'c', via: ['c'], check: 'redis' }];
    const { checks } = explained({ state: 'fail', causes, checks: { a: fails, b: fails } }).causes[0] ?? {};
    expect(checks).toEqual(['a', 'b']);
  });

  it('ignores checks that only reflect a failure of this service', () => {
    const checks = { friend: check({ state: 'fail', reason: 'loop' }) };
    expect(linesOf({ checks })[0]).toMatch(/^Ignored, .*: friend\.$/);
  });

  it.each([
    ['pass', { fails: 1, passes: 0, fall: 3 }, 'Pending: x has 1 of the 3 consecutive failures after which it fails.'],
    ['fail', { fails: 0, passes: 2, rise: 4 }, 'Pending: x has 2 of the 4 consecutive passes after which it recovers.'],
  ])('reports the pending threshold of a check that is %s', (state, counts, description) => {
    expect(explained({ state, checks: { x: check({ state, ...counts }) } }).notes).toContain(description);
  });

  it('reports a stale result, but not one between two background runs', () => {
    const old = (ageMs: number) =>
      explained({ checks: { x: check({ stale: true, ageMs }) } }).notes.filter((line) => line.startsWith('Stale'));
    expect(old(4000)).toEqual([]);
    expect(old(12_000)).toEqual(['Stale: the result of x is 12 s old and exceeds its max age.']);
  });

  it('has at most 8 causes as lines', () => {
    const causes = Array.from({ length: 20 }, (_, i) => ({ instance: 'me', via: [], check: `c${i}` }));
    const lines = linesOf({ state: 'fail', causes });
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

describe('a report with names of object properties', () => {
  it.each(['constructor', 'toString', '__proto__'])('is explained with its names: %s', (word) => {
    const report = {
      state: word,
      causes: [{ instance: 'other', via: ['other'], check: word, state: word, reason: word }],
      checks: { [word]: check({ state: word, reason: word, fate: word }) },
    };
    const { headline, degraded } = explained(report);
    expect(headline).toBe(`shop reports ${word}.`);
    expect(degraded.map(({ text }) => text)).toEqual([`${word} of responder other does not pass (${word}).`]);
    expect(linesOf(report).join(' ')).not.toContain('native code');
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
