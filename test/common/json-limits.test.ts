import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { limitExceeded, MAX_DEPTH } from '../../src/common/json-limits.js';

/** The depth of a parsed value, and whether each of its strings is well-formed, as the scan of the text must find. */
function measure(value: unknown): { depth: number; wellFormed: boolean } {
  if (typeof value === 'string') return { depth: 0, wellFormed: !/\p{Cs}/u.test(value) };
  if (typeof value !== 'object' || value === null) return { depth: 0, wellFormed: true };
  const parts = [...Object.keys(value).filter(() => !Array.isArray(value)), ...Object.values(value)].map(measure);
  return {
    depth: 1 + Math.max(0, ...parts.map(({ depth }) => depth)),
    wellFormed: parts.every(({ wellFormed }) => wellFormed),
  };
}

const limit = (text: string) => limitExceeded(Buffer.from(text));

// Strings with all kinds of UTF-16 code units: lone surrogates, quotes, backslashes, brackets.
const text = fc.string({
  unit: fc.constantFrom('"', '\\', '[', '{', '}', ']', 'u', 'd800', '\ud800', '\udc00', '\ud83d\ude00'),
});
const value = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 4 }, text, fc.integer(), fc.array(tie('any')), fc.dictionary(text, tie('any'))),
})).any;

describe('limitExceeded', () => {
  it('finds in the JSON of any value what its strings contain', () => {
    fc.assert(
      fc.property(value, (any) => {
        const { depth, wellFormed } = measure(any);
        expect(depth).toBeLessThanOrEqual(MAX_DEPTH);
        // JSON writes a lone surrogate as an escape, and a pair as its characters.
        expect(limit(JSON.stringify(any))).toBe(wellFormed ? undefined : 'surrogate');
      }),
    );
  });

  it('counts nested arrays and objects, but not adjacent ones', () => {
    const nested = (levels: number) => '[{"a":'.repeat(levels / 2) + '0' + '}]'.repeat(levels / 2);
    expect(limit(nested(MAX_DEPTH))).toBeUndefined();
    expect(limit(nested(MAX_DEPTH + 2))).toBe('depth');
    expect(limit(`[${Array(100).fill('[{}]').join()}]`)).toBeUndefined();
  });

  it('also checks values that a parser drops because another one has the same key', () => {
    expect(limit('{"a":"\\ud800","a":1}')).toBe('surrogate');
    expect(limit(`{"a":${'['.repeat(32)}${']'.repeat(32)},"a":1}`)).toBe('depth');
  });

  it('ends at the end of a text that is truncated anywhere', () => {
    const whole = '{"a\\ud83d\\ude00":["\\\\","\\""]}';
    for (let length = 0; length < whole.length; length++) expect(() => limit(whole.slice(0, length))).not.toThrow();
    expect(limit(whole)).toBeUndefined();
  });
});
