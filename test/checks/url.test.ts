import { describe, expect, it } from '@jest/globals';
import { secretsOfMap, secretsOfUrl } from '../../src/checks/secrets.js';
import { hostOf, loginOf, readUrl } from '../../src/checks/url.js';

const read = (text: string) => readUrl('db', text, ['db', 'dbs'], ['ssl']);

describe('the URL of a dependency', () => {
  it('is read with its credentials as they are, not as they are spelt', () => {
    const url = read('db://m%40e:p%2Fw%3A%25@[::1]:99/name?ssl=true&connectionLimit=5');
    expect(loginOf(url)).toEqual({ user: 'm@e', password: 'p/w:%' });
    expect(hostOf(url)).toBe('::1');
    expect(loginOf(read('dbs://host'))).toEqual({ user: undefined, password: undefined });
  });

  it.each([
    ['hunter2', /a text that is no URL/],
    ['mysql://hunter2@x', /of the scheme "mysql"; allowed: db:\/\//],
    ['db:///hunter2', /without a host/],
    ['db://me:hunter2%@x/', /broken %-sequence in its password/],
    ['db://me:12#hunter2@x/', /one with a #; allowed: %23/],
    ['db://me:12/hunter2@x/', /an @ behind its host; allowed: %2F for a \//],
    ['db://me:12?hunter2@x/', /an @ behind its host/],
    ['db://me:hunter2@x/?sslmode=require', /the parameter "sslmode"; allowed: \?ssl=true or the option tls/],
  ])('is refused as %s, and nothing of it is shown that may be a secret', (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'PONGCHECK_CHECK' }));
    expect(() => read(text)).not.toThrow(/hunter2/);
  });

  it('has as secrets its password in every spelling, and parameters that are named like one', () => {
    const secrets = secretsOfUrl(read('db://me:p%2Fw@host/?access_key=abc&page=1'));
    expect(secrets).toEqual(expect.arrayContaining(['p/w', 'p%2Fw', 'me:p/w', 'bWU6cC93', 'abc']));
    expect(secrets).not.toContain('1');
    expect(secretsOfUrl(read('db://me@host/'))).toEqual([]);
  });

  it('leaves what is not secret readable in a map of options', () => {
    const map = { authorization: 'Bearer abc', accept: 'text/plain', inner: { 'x-api-key': 'k' }, limit: 5 };
    expect(secretsOfMap(map).sort()).toEqual(['Bearer abc', 'abc', 'k', 'k']);
  });
});
