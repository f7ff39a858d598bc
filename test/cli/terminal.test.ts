import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkLines } from '../../src/cli/report-lines.js';
import { printable, printableJson, stylesFor } from '../../src/cli/terminal.js';

describe('a text from a peer', () => {
  it('is printed without control characters, line breaks and bidirectional marks', () => {
    expect(printable('a\x1b[31mb\r\n\x9bc\u202Ed\u2028e\0')).toBe(
      'a\\u{1b}[31mb\\u{d}\\u{a}\\u{9b}c\\u{202e}d\\u{2028}e\\u{0}',
    );
    expect(printable('ünïcödé 😀')).toBe('ünïcödé 😀');
  });

  it('is truncated, even within a surrogate pair', () => {
    expect(printable('x'.repeat(300))).toBe(`${'x'.repeat(200)}…`);
    expect(printable('😀', 1)).toBe('\\u{d83d}…');
  });

  it('is the same value as JSON, without characters that a terminal interprets', () => {
    const value = { 'a\u009b': ['\u202e', '\x1b', '😀', '\u{e0001}'] };
    const text = printableJson(value);
    expect(JSON.parse(text)).toEqual(value);
    expect(text).toMatch(/^[\P{C}]*$/u);
  });
});

describe('a report from a peer', () => {
  it('becomes one line per check', () => {
    const report = {
      checks: {
        db: [{ status: 'fail', state: 'fail', reason: 'timeout', output: 'no answer' }],
        cache: [{ status: 'pass', state: 'pass', durationMs: 0.4 }],
      },
    };
    expect(checkLines(report)).toEqual([
      { name: 'db', state: 'fail', reason: 'timeout', output: 'no answer' },
      { name: 'cache', state: 'pass', durationMs: 0.4 },
    ]);
  });

  it('without checks becomes one line per cause', () => {
    const causes = [{ instance: 'i', via: [], check: 'db', reason: 'refused', output: 'x' }, { instance: 'j' }];
    expect(checkLines({ causes })).toEqual([
      { name: 'db', state: 'fail', reason: 'refused', output: 'x' },
      { name: 'j', state: 'fail' },
    ]);
  });

  it.each([
    [{}],
    [{ checks: null, causes: 'x' }],
    [{ checks: [] }],
    [{ checks: { a: null, b: [], c: [3], d: [{ state: 7, reason: {}, output: [] }] } }],
    [{ causes: [null, 3, { check: {} }] }],
  ])('with unexpected content causes no error: %j', (report) => {
    for (const line of checkLines(report))
      expect(line).toMatchObject({ name: expect.any(String), state: expect.any(String) });
  });

  it('is escaped and truncated', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`check${i}`, [{ state: 'pass' }]]));
    expect(checkLines({ checks: many })).toHaveLength(100);
    const [line] = checkLines({ checks: { 'a\x1b[2J': [{ state: 'x\n', reason: '\r', output: '\x07' }] } });
    expect(line).toEqual({ name: 'a\\u{1b}[2J', state: 'x\\u{a}', reason: '\\u{d}', output: '\\u{7}' });
  });
});

describe('colors', () => {
  const terminal = { isTTY: true, hasColors: () => true } as unknown as NodeJS.WriteStream;
  const before = process.env.NO_COLOR;
  beforeEach(() => {
    delete process.env.NO_COLOR;
  });
  afterEach(() => {
    if (before !== undefined) process.env.NO_COLOR = before;
    else delete process.env.NO_COLOR;
  });

  it('are on for terminals', () => {
    expect(stylesFor(terminal)('red')('x')).toBe('\x1b[31mx\x1b[39m');
    expect(stylesFor({ isTTY: false } as NodeJS.WriteStream)('red')('x')).toBe('x');
    expect(stylesFor({ isTTY: true, hasColors: () => false } as unknown as NodeJS.WriteStream)('red')('x')).toBe('x');
  });

  it('are off with NO_COLOR', () => {
    process.env.NO_COLOR = '1';
    expect(stylesFor(terminal)('red')('x')).toBe('x');
  });
});
