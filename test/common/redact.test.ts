import { describe, expect, it } from '@jest/globals';
import { MAX_DESCRIPTION, redactor } from '../../src/common/redact.js';

const plain = redactor([]);

describe('a redacted description', () => {
  it('keeps an ordinary message as it is', () => {
    expect(plain(new Error('connect ECONNREFUSED 127.0.0.1:3306'))).toBe('connect ECONNREFUSED 127.0.0.1:3306');
  });

  it.each([
    ['as it stands', 'hunter2!', 'login with hunter2! failed', 'login with *** failed'],
    ['in a URL', 'p@ss/w rd', 'at p%40ss%2Fw%20rd end', 'at *** end'],
    ['in JSON', 'a"b\\c', 'got {"x":"a\\"b\\\\c"}', 'got {"x":"***"}'],
    ['several times', 'xyz', 'xyz and xyz', '*** and ***'],
    ['in a URL of other case', 'p/w', 'at p%2fw end', 'at *** end'],
    ['in a form', 'p w/', 'at p+w%2F end', 'at *** end'],
    ['that is given as a URL spells it', 'p%2Fw', 'at p/w end', 'at *** end'],
    ['in basic authentication', 'geheim!', 'at Z2VoZWltIQ== end', 'at ***== end'],
    ['without the end of its line', 'geheim\n', 'at geheim end', 'at *** end'],
  ])('masks a known secret %s', (_, secret, text, expected) => {
    expect(redactor([secret])(text)).toBe(expected);
  });

  it('masks the longer of two secrets as a whole', () => {
    expect(redactor(['abc', 'abcdef'])('it is abcdef')).toBe('it is ***');
  });

  it('masks two overlapping secrets as a whole', () => {
    expect(redactor(['abcd', 'cdefg'])('it is abcdefgh')).toBe('it is ***h');
    expect(redactor(['bcdef', 'abc'])('it is abcdefgh')).toBe('it is ***gh');
    expect(redactor(['abc', 'abcdefgh', 'cde'])('abcdx abcdefgh')).toBe('***dx ***');
  });

  it('masks each of thousands of secrets, even with a common prefix', () => {
    const secrets = Array.from(
      { length: 5000 },
      (_, n) => `https://vault.example/v1/secret/data/${n}-${'k'.repeat(n % 40)}`,
    );
    const redact = redactor(secrets);
    for (const n of [0, 7, 39, 40, 4999]) expect(redact(`at ${secrets[n]} end`)).toBe('at *** end');
    // Measured in work rather than time: searching each text for each secret would take minutes.
    const noise = 'https://vault.example/v1/secret/dat'.repeat(200);
    for (let text = 0; text < 300; text++) expect(redact(noise)).not.toContain('data');
  });

  it('masks a secret that is longer than the part that is searched', () => {
    const key = Array.from({ length: 6000 }, (_, n) => String.fromCharCode(97 + ((n * 7) % 26))).join('');
    const redact = redactor([key]);
    expect(redact(`key ${key} end`)).toBe('key ***');
    expect(redact(`${'x '.repeat(50)}${key}`)).toBe(`${'x '.repeat(50)}***`.slice(0, 200));
  });

  it('shows no beginning of a secret at the end of a description, at any position', () => {
    const redact = redactor(['SSSSSSSSSSSSSSSSSSSSSSSS']);
    for (let before = 170; before <= 205; before++) {
      expect(redact(`${'x'.repeat(before)}SSSSSSSSSSSSSSSSSSSSSSSS and more`)).not.toContain('S');
    }
  });

  it('shows no beginning of a likely credential at the end of the part that is searched', () => {
    for (let head = 1; head < 30; head++) {
      expect(plain(`x${' '.repeat(4096 - head)}mysql://root:geheim@db:3306/app${' '.repeat(9)}end`)).not.toMatch(
        /root|geh/,
      );
    }
  });

  it('ignores an empty secret', () => {
    expect(redactor([''])('nothing to hide')).toBe('nothing to hide');
  });

  it.each([
    ['mysql://root:geheim@db:3306/app is down', 'mysql://***@db:3306/app is down'],
    ['redis://:ge@he/im@cache', 'redis://***@cache'],
    ['two: http://a:b@c and http://d:e@f', 'two: http://***@c and http://***@f'],
    ['root:geheim@tcp(127.0.0.1:3306)/app', '***@tcp(127.0.0.1:3306)/app'],
    ['GET /x?user=1&password=geheim&y=2', 'GET /x?user=1&password=***&y=2'],
    ['GET /x?access_token=geheim', 'GET /x?access_token=***'],
    ['{"apiKey": "geheim", "a": 1}', '{"apiKey": ***, "a": 1}'],
    ["password: 'ge heim' given", 'password: *** given'],
    ['Authorization: Bearer geheim.geheim', 'Authorization: Bearer ***'],
    ['sent Basic Z2VoZWltOmdlaGVpbQ==', 'sent Basic ***'],
  ])('masks a likely credential: %s', (text, expected) => {
    expect(plain(text)).toBe(expected);
    expect(plain(text)).not.toContain('geheim');
  });

  it('keeps MySQL’s phrases about passwords', () => {
    const message = "Access denied for user 'app'@'10.0.0.1' (using password: YES)";
    expect(plain(new Error(message))).toBe(message);
  });

  it('never shows a stack trace, not even one inside a message', () => {
    const inner = new Error('broken');
    const text = plain(new Error(`wrapped: ${inner.stack}`));
    expect(text).toContain('wrapped: Error: broken');
    expect(text).not.toMatch(/ at |redact\.test/);
  });

  it('is one line, and escapes characters that move a cursor or reorder text', () => {
    expect(plain('one\r\ntwo\n\nthree\tfour')).toBe('one two three four');
    expect(plain('\u001b[2Jred\u0000 \u202etxet\u2028.')).toBe('\\x1b[2Jred\\x00 \\u{202e}txet\\u{2028}.');
    expect(plain('half \ud83d of a pair')).toBe('half \\u{d83d} of a pair');
  });

  it('is at most 200 characters long, without partial characters', () => {
    const long = plain('🙂'.repeat(5000));
    expect(long.length).toBeLessThanOrEqual(MAX_DESCRIPTION);
    expect(long).toMatch(/^(🙂)+…$/u);
    expect(plain('x'.repeat(200))).toBe('x'.repeat(200));
  });

  it('shows no beginning of a secret that crosses the end of the part that is searched', () => {
    const secret = 'S'.repeat(64);
    for (let head = 1; head < 64; head++) {
      const text = `${' '.repeat(4096 - head)}${secret}`;
      expect(redactor([secret])(text)).not.toContain('S');
    }
  });

  it('takes linear time for a hostile text', () => {
    // Patterns with quadratic cost would take minutes for these.
    for (const piece of ['a.', 'a:', '://', 'token', 'password=', '\n at ', '"', ':@', 'bearer ']) {
      expect(plain(piece.repeat(500_000)).length).toBeLessThanOrEqual(MAX_DESCRIPTION);
    }
  });

  it.each([
    ['an error without a message', Object.assign(new Error(''), { code: 'EPIPE' }), 'EPIPE'],
    [
      'an error inside another',
      new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') }),
      'fetch failed: connect ECONNREFUSED',
    ],
    [
      'the members of an AggregateError',
      new AggregateError([new Error('no ::1'), new Error('no 127.0.0.1')]),
      'no ::1; no 127.0.0.1',
    ],
    ['a bare error', new RangeError(), 'RangeError'],
    ['a string', 'just so', 'just so'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object', { a: 1 }, '{"a":1}'],
  ])('can be created from %s', (_, thing, expected) => {
    expect(plain(thing)).toBe(expected);
  });

  it('can be created from an error whose properties throw', () => {
    const hostile = {
      get message(): string {
        throw new Error('no');
      },
    };
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect(plain(hostile)).toBe('an error that cannot be read');
    expect(plain(circle)).toBe('an error that cannot be read');
  });
});
