import { describe, expect, it } from '@jest/globals';
import { explain } from '../../src/health/explain.js';
import type { HistoryView } from '../../src/health/history/health-history.js';
import type { Series } from '../../src/health/history/recorder.js';
import { parseReport } from '../../src/health/report-view.js';
import { formatAge, icon, moment, withAges } from '../../src/http/status-page/marks.js';
import type { Board } from '../../src/http/status-page/overview.js';
import { bareParts, boardParts, type Filter } from '../../src/http/status-page/sections.js';

const wall = Date.parse('2026-11-21T18:10:30Z');
const iso = (secondsAgo: number) => new Date(wall - secondsAgo * 1000).toISOString();

const entry = (state: string, more: object = {}) => ({
  kind: 'function',
  state,
  time: iso(2),
  since: iso(60),
  durationMs: 11.1,
  critical: true,
  groups: ['readiness'],
  passes: 0,
  fails: 0,
  rise: 1,
  fall: 1,
  ...more,
});

/** A board with these checks. Each one is critical and belongs to this service. */
function boardOf(checks: Record<string, ReturnType<typeof entry>>, more: Partial<Board> = {}): Board {
  const failing = Object.entries(checks).filter(([, { state }]) => state !== 'pass');
  const report = {
    state: failing.some(([, { state, critical }]) => state === 'fail' && critical)
      ? 'fail'
      : failing.length > 0
        ? 'warn'
        : 'pass',
    instance: 'a1',
    serviceId: 'shop',
    time: iso(0),
    causes: failing.map(([check, { state, critical, ...fields }]) => ({
      instance: 'a1',
      via: [],
      check,
      state: critical ? state : 'warn',
      ...fields,
    })),
    checks: Object.fromEntries(Object.entries(checks).map(([name, fields]) => [name, [fields]])),
  };
  return {
    ...report,
    explanation: explain(parseReport(report)),
    groups: { readiness: report.state, all: report.state },
    transitions: [],
    connections: { open: 0, modes: { undecided: 0, binary: 0, line: 0 }, waiting: 0, closed: { idle: 0 } },
    version: '0.0.0',
    startedAt: new Date(0),
    ...more,
  } as unknown as Board;
}

const slot = {
  knownMs: 60_000,
  unhealthyMs: 0,
  worst: 'pass',
  runs: 12,
  failures: 0,
  minMs: 1,
  meanMs: 2,
  maxMs: 40,
} as const;
const series: Series = {
  slots: (count) => Array.from({ length: count }, () => slot),
  availability: (ms) => (ms > 3_600_000 ? 0.99999 : 0.5),
};
const history = {
  minute: Date.parse('2026-11-21T18:10:00Z'),
  checks: [],
  groups: [],
  check: () => series,
  group: (name: string) => (name === 'storage' ? undefined : series),
} as HistoryView;
const everything: Filter = { group: undefined, check: undefined, shows: () => true };
const partsOf = (board: Board, filter = everything) => boardParts(board, wall, history, filter);
const textOf = (html = '') =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();

describe('the parts of the status page', () => {
  it('state in one sentence the state, since when it has lasted, and how many checks cause it', () => {
    const { state, title } = partsOf(boardOf({ db: entry('fail'), mail: entry('warn'), disk: entry('pass') }));
    expect(textOf(state)).toBe('shop is not ready. since 18:09:30 UTC 1 of 3 checks fails, 1 warns');
    expect(title).toBe('fail · shop');
    expect(textOf(partsOf(boardOf({ db: entry('pass') })).state)).toBe('shop is ready: all checks pass.');
  });

  it('count all checks, however many there are', () => {
    const many = Object.fromEntries(
      Array.from({ length: 1001 }, (_, n) => [`c${n}`, entry(n < 1000 ? 'pass' : 'fail')]),
    );
    const { state, items } = partsOf(boardOf(many));
    expect(textOf(state)).toMatch(/ 1 of 1001 checks fails$/);
    expect(items).toMatch(/^item-c1000 /);
  });

  it('omit what is empty', () => {
    const parts = partsOf(boardOf({ db: entry('pass') }));
    expect(Object.keys(parts).filter((id) => parts[id] === '')).toEqual([
      'why',
      'degraded',
      'none',
      'log',
      'connections',
    ]);
  });

  it('list the checks in the order of severity', () => {
    const checks = { a: entry('pass'), b: entry('warn'), c: entry('unknown'), d: entry('fail'), e: entry('fail') };
    expect(partsOf(boardOf(checks)).items).toBe('item-d item-e item-c item-b item-a');
  });

  it('show for a check its target, reason, observed values, last run and availability', () => {
    const db = entry('fail', {
      kind: 'mysql',
      target: 'mysql://db.test/shop',
      reason: 'lag',
      output: 'far behind',
      observedValue: { lag: 12_345.678, free: 3 * 1024 ** 3 },
      observedUnit: { lag: 's', free: 'bytes' },
      passes: 1,
      rise: 3,
      critical: false,
    });
    expect(textOf(partsOf(boardOf({ db }))['item-db'])).toBe(
      'db fail since 18:09:30 UTC mysql://db.test/shop · lag 12,345.68 s, free 3 GiB · 1 of 3 passes until it recovers · not critical ' +
        'lag: far behind 17:11 to 18:11 UTC: pass Available 1 h 50 % 24 h 99.99 % ran 18:10:28 UTC in 11 ms , max 40 ms',
    );
  });

  it.each([
    [{ observedValue: 'primary', observedUnit: 'role' }, 'role primary'],
    [{ observedValue: 67.25, observedUnit: '%' }, 'observed 67.25 %'],
    [{ observedValue: true }, 'observed true'],
    [{ observedValue: { free: 3, waiting: 0 }, observedUnit: 'connections' }, 'connections: free 3, waiting 0'],
    [{ kind: 'redis', target: 'rediss://a' }, 'rediss://a'],
    [{ kind: 'pingpong', target: 'pong://a' }, 'pingpong pong://a'],
    [{ fails: 1, fall: 3 }, '1 of 3 failures until it fails'],
  ])('format %j as %s', (fields, text) => {
    expect(textOf(partsOf(boardOf({ x: entry('pass', fields) }))['item-x'])).toMatch(
      new RegExp(`[ ·]${text.replaceAll('/', '\\/')} `),
    );
  });

  it('mark a check that has not run', () => {
    expect(textOf(partsOf(boardOf({ x: entry('unknown', { time: undefined }) }))['item-x'])).toContain(
      'has not run yet',
    );
  });

  it('list one dead server behind two checks as one cause, and what is not critical separately', () => {
    const redis = { kind: 'redis', reason: 'refused', output: 'nothing listens' };
    const parts = partsOf(
      boardOf({
        cache: entry('fail', { ...redis, target: 'redis://a:1' }),
        sessions: entry('fail', { ...redis, target: 'redis://a:1/2', critical: false }),
        other: entry('fail', { ...redis, target: 'redis://b:1' }),
        mail: entry('warn', { reason: 'custom', output: 'the queue grows', critical: false }),
      }),
    );
    expect(textOf(parts.why)).toBe(
      'Root causes cache fails (refused: nothing listens). Affects cache , sessions other fails (refused: nothing listens).',
    );
    expect(textOf(parts.degraded)).toBe('Also degraded mail mail warns (custom: the queue grows), not critical.');
  });

  it('never call something that only warns a root cause', () => {
    const parts = partsOf(boardOf({ mail: entry('warn', { critical: false }) }));
    expect(textOf(parts.why)).toMatch(/^Degraded mail warns/);
    expect(parts.degraded).toBe('');
  });

  it('show a cause at another responder as a chain, and link the check to its row', () => {
    const board = boardOf({ orders: entry('fail', { reason: 'dependency' }) });
    const causes = [
      {
        text: 'redis of stock does not pass.',
        path: ['shop', 'orders', 'stock', 'redis'],
        checks: ['orders'],
        state: 'fail',
      },
    ];
    const { why = '' } = partsOf({ ...board, explanation: { ...board.explanation, causes } });
    expect(why).toContain('<ol class="chain"><li>shop</li><li>orders</li><li>stock</li><li>redis</li></ol>');
    expect(why).toContain('Affects <a href="#item-orders">orders</a>');
    const none = { ...everything, group: 'storage', shows: () => false };
    const filtered = partsOf({ ...board, explanation: { ...board.explanation, causes } }, none);
    expect(filtered.why).toContain('<a href="?check=orders">orders</a>');
    expect([textOf(filtered.none), filtered.past]).toEqual(['No checks in this group.', '']);
  });

  it('collapse the causes after the third', () => {
    const checks = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`c${i}`, entry('fail')]));
    expect(partsOf(boardOf(checks)).why).toContain('<details><summary>2 more</summary>');
  });

  it('include the bars of up to 50 checks; beyond that, only of those that do not pass', () => {
    const checks = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, entry(i === 7 ? 'fail' : 'pass')]));
    const bars = (count: number) =>
      Object.entries(partsOf(boardOf(checks(count))))
        .filter(([id, text]) => id.startsWith('item-') && text.includes('<svg class="bar"'))
        .map(([id]) => id);
    expect(bars(50)).toHaveLength(50);
    expect(bars(51)).toEqual(['item-c7']);
    const text = partsOf(boardOf(checks(51)))['item-c8'];
    expect(text).toContain('<details class="past lazy">');
    expect(text).toContain('<a href="?check=c8">');
  });

  it('list only changes of the group, or of the check', () => {
    const change = (of: string, name: string) => ({ of, name, from: 'pass', to: 'fail', time: new Date(wall) });
    const board = boardOf(
      { db: entry('fail'), disk: entry('pass') },
      {
        transitions: [
          change('check', 'db'),
          change('check', 'disk'),
          change('group', 'readiness'),
          change('group', 'storage'),
        ] as Board['transitions'],
      },
    );
    const names = (filter: object) =>
      [...(partsOf(board, { ...everything, ...filter }).log ?? '').matchAll(/<b>(\w+)<\/b>/g)].map(([, name]) => name);
    expect(names({})).toEqual(['db', 'disk', 'readiness', 'storage']);
    const shows = (name: string) => name === 'db';
    expect(names({ group: 'storage', shows })).toEqual(['db', 'storage']);
    expect(names({ check: 'db', shows })).toEqual(['db']);
  });

  it('without detail, name the option that hides the rest', () => {
    const parts = bareParts({ state: 'fail' }, { mode: 'token', login: 'status/login' });
    expect(textOf(parts.state)).toBe('The service is not ready.');
    expect(textOf(parts.hidden)).toBe('The option detail: token hides the rest. Log in with a token to see it.');
  });
});

describe('times and icons', () => {
  it("have a date unless it is today's", () => {
    expect(textOf(moment(wall - 86_400_000, wall).text)).toBe('2026-11-20 18:10:30 UTC');
  });

  it('include ages in a page, for browsers without JavaScript', () => {
    expect(withAges(moment(wall - 90_000, wall).text, wall)).toBe(
      '<time datetime="2026-11-21T18:09:00Z" data-ago="1 min">18:09:00 UTC</time>',
    );
    expect([59_999, 3_660_000, 90_000_000].map(formatAge)).toEqual(['59 s', '1 h 1 min', '1 d 1 h']);
  });

  it('differ by state', () => {
    const icons = ['pass', 'warn', 'fail', 'unknown', 'draining', 'starting', 'lost'].map(icon);
    expect(new Set(icons).size).toBe(7);
    expect(icons.every((url) => url.startsWith('data:image/svg+xml,%3Csvg'))).toBe(true);
  });
});
