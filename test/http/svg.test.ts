import { describe, expect, it } from '@jest/globals';
import type { State } from '../../src/health/state.js';
import { formatMs, formatPercent, historyBar, sparkline } from '../../src/http/status-page/svg.js';

const end = Date.parse('2026-11-21T18:10:00Z');
const slot = (worst: State | undefined, unhealthyMs = 0, runs = 12, failures = 0, meanMs = 1.26) => ({
  knownMs: 60_000,
  unhealthyMs,
  worst,
  runs,
  failures,
  minMs: 1,
  meanMs,
  maxMs: 2,
});
const bar = (...slots: (ReturnType<typeof slot> | undefined)[]) => historyBar(slots, { name: 'db', end }).text;
const paths = (text: string) =>
  [...text.matchAll(/<path class="(\w+)" d="(.*?)" stroke-width="(\d+)"/g)].map((m) => m.slice(1));

describe('the bar of a history', () => {
  it('draws runs of slots with the same state as one path each, the worse the taller', () => {
    const text = bar(
      undefined,
      undefined,
      slot('pass'),
      slot('pass'),
      slot('warn'),
      slot('fail'),
      slot('fail'),
      slot('pass'),
    );
    expect(paths(text)).toEqual([
      ['none', 'M0 23h8', '2'],
      ['pass', 'M8 17h8', '14'],
      ['warn', 'M16 15h4', '18'],
      ['fail', 'M20 12h8', '24'],
      ['pass', 'M28 17h4', '14'],
    ]);
  });

  it('is one path for an hour without a change', () => {
    expect(paths(bar(...Array.from({ length: 60 }, () => slot('pass'))))).toEqual([['pass', 'M0 17h240', '14']]);
  });

  it('draws a minute without a state as no data, and starting and draining alike', () => {
    const text = bar(slot(undefined), slot('starting'), slot('draining'), slot('unknown'));
    expect(paths(text).map(([look]) => look)).toEqual(['none', 'other', 'unknown']);
    expect(text).toContain('stroke-width="21" stroke-dasharray="1 1"');
  });

  it('has the time of each run as its title, and one summary, worst first', () => {
    const text = bar(slot('fail'), slot('pass'), slot('pass'), undefined, slot('fail'), slot('pass'));
    expect(text).toContain('<title>18:08 to 18:09 UTC: fail</title>');
    expect(text).toContain(
      'role="img" aria-label="db: last 6 min: fail for 2 min, most recently at 18:08 UTC; pass for 3 min; no data for 1 min"',
    );
  });

  it('contains the numbers of each minute for the script', () => {
    const text = bar(undefined, slot('pass'), slot('fail', 35_400, 12, 7, 400));
    expect(text).toContain(`data-end="${end}" data-slots=";p,0,12,0,1.3;f,35,12,7,400"`);
  });

  it('escapes the name, and has no style attribute', () => {
    const { text } = historyBar([slot('pass')], { name: '"><script>', end });
    expect(text).toContain('aria-label="&quot;&gt;&lt;script&gt;: last 1 min');
    expect(text).not.toContain('style=');
  });
});

describe('the sparkline of durations', () => {
  it('scales from 0 to the longest, with gaps', () => {
    const { text } = sparkline([5, 10, undefined, 0, undefined], 'db');
    expect(text).toContain('<path d="M0 12h0L2 2M6 22h0"');
    expect(text).toContain('viewBox="0 0 8 24"');
    expect(text).toContain('aria-label="db: mean duration per minute, 0 ms to 10 ms"');
  });

  it('draws durations of 0 at the bottom, and nothing without durations', () => {
    expect(sparkline([0, 0], 'db').text).toContain('<path d="M0 22h0L2 22"');
    expect(sparkline([undefined, undefined], 'db').text).toBe('');
  });
});

it.each([
  [0.44, '0.4 ms'],
  [12.4, '12 ms'],
  [999.6, '1 s'],
  [1234, '1.2 s'],
])('formats a duration of %d ms as %s', (ms, text) => expect(formatMs(ms)).toBe(text));

it.each([
  [1, '100 %'],
  [0.99999, '99.99 %'],
  [0.5, '50 %'],
  [0, '0 %'],
])('formats a fraction of %d as %s', (share, text) => expect(formatPercent(share)).toBe(text));
