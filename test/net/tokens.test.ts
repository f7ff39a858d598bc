import { describe, expect, it } from '@jest/globals';
import { Tokens, tokenPattern } from '../../src/net/tokens.js';

const [first, second] = ['first-token-0123456789', 'second-token-987654321'] as [string, string];

describe('tokens', () => {
  it('are all accepted', () => {
    const tokens = new Tokens([first, second]);
    expect(tokens.has(first)).toBe(true);
    expect(tokens.has(second)).toBe(true);
  });

  it.each(['', first.slice(1), `${first}x`, first.toUpperCase(), `${first}\0`, 'x'.repeat(100_000)])(
    'do not include %.40j',
    (shown) => {
      expect(new Tokens([first, second]).has(shown)).toBe(false);
    },
  );

  it('have a secret length that fits in a header', () => {
    for (const good of [first, 'a'.repeat(16), 'x'.repeat(1024), 'abcdefghijklmno/+==']) {
      expect(tokenPattern.test(good)).toBe(true);
    }
    for (const bad of [
      '',
      'a'.repeat(15),
      'x'.repeat(1025),
      'with spaces in between',
      'comma,comma,comma,comma',
      `${first}\n`,
    ]) {
      expect(tokenPattern.test(bad)).toBe(false);
    }
  });
});
