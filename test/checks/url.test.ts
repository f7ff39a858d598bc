import { describe, expect, it } from '@jest/globals';
import { hostOf, readUrl } from '../../src/checks/shared/url.js';
import { loginOf, secretsOfMap, secretsOfUrl } from '../../src/options/secrets.js';

const read = (text: string) => readUrl('db', text, ['db', 'dbs'], { ssl: 'true' });

describe('the URL of a dependency', () => {
  it('is parsed with decoded credentials', () => {
    const url = read('db://m%40e:p%2Fw%3A%25@[::1]:99/name?ssl=true&connectionLimit=5');
    expect(loginOf(url)).toEqual({ user: 'm@e', password: 'p/w:%' });
    expect(hostOf(url)).toBe('::1');
    expect(loginOf(read('dbs://host'))).toEqual({ user: undefined, password: undefined });
  });

  it.each([
    ['hunter2', /not a valid URL/],
    ['mysql://hunter2@x', /a URL with the scheme "mysql"; allowed: db:\/\//],
    ['db:///hunter2', /a URL without a host/],
    ['db://me:hunter2@x:0/', /a URL with port 0; allowed: db:\/\//],
    ['db://me:hunter2%@x/', /invalid %-sequence in its password/],
    ['db://me:12#hunter2@x/', /a URL with a #; allowed: %23/],
    ['db://me:12/hunter2@x/', /an @ after its host; allowed: %2F for a \//],
    ['db://me:12?hunter2@x/', /an @ after its host/],
    ['db://me:hunter2@x/?sslmode=require', /the parameter "sslmode"; allowed: \?ssl=true or the option tls/],
  ])('is refused as %s, without showing anything that may be a secret', (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'PONGCHECK_CONFIG' }));
    expect(() => read(text)).not.toThrow(/hunter2/);
  });

  it('has as secrets its password in each encoding, and parameters with the name of a secret', () => {
    const secrets = secretsOfUrl(read('db://me:p%2Fw@host/?access_key=abc&page=1'));
    expect(secrets).toEqual(expect.arrayContaining(['p/w', 'p%2Fw', 'me:p/w', 'bWU6cC93', 'abc']));
    expect(secrets).not.toContain('1');
    expect(secretsOfUrl(read('db://me@host/'))).toEqual([]);
  });

  it('is parsed even if it cannot be decoded', () => {
    expect(secretsOfUrl(new URL('db://me:%zz@host/'))).toContain('%zz');
  });
});

describe('an open map of options', () => {
  const secrets = (map: object, nonSecret: string[] = []) => [...new Set(secretsOfMap(map, nonSecret))].sort();

  it('has each text and number as a secret, at any depth', () => {
    const map = { conn: { pass: 'p4ss', key: 'k3y5' }, list: ['one1', { two: 'two2' }], pin: 123456, id: 98765432109n };
    expect(secrets(map)).toEqual(['123456', '98765432109', 'k3y5', 'one1', 'p4ss', 'two2']);
  });

  it('excludes the values of harmless keys, and short values unless the key indicates a secret', () => {
    const map = { host: 'db.example', Port: 33060, path: '/var/x', database: 'shop', user: 'app' };
    expect(secrets(map)).toEqual([]);
    expect(secrets({ mode: 'a', limit: 5, retries: 100, pass: 'pw', apikey: 'k', pin: 12 })).toEqual(['12', 'k', 'pw']);
    expect(secrets({ a: true, b: null, c: undefined, d: '', key: '' })).toEqual([]);
  });

  it('excludes keys named as not secret, with everything below them', () => {
    const map = { queue: 'orders', Labels: { team: 'core', list: ['long text'] }, other: 'kept' };
    expect(secrets(map, ['queue', 'labels'])).toEqual(['kept']);
  });

  it.each([
    [{ authorization: 'Bearer abcd' }, ['Bearer abcd', 'abcd']],
    [{ authorization: 'Basic bWU6cC93' }, ['bWU6cC93', 'me:p/w', 'p/w']],
    [{ url: 'mysql://me:p%2Fw@db/shop' }, ['p/w', 'p%2Fw', 'me:p/w', 'bWU6cC93']],
    [{ path: 'http://me:p%2Fw@db/?sig=abc' }, ['p/w', 'abc']],
    [{ database: { password: 'x' } }, ['x']],
    [{ user: 'me', secret: 'p/w' }, ['bWU6cC93']],
    [{ key: Buffer.from('bytes') }, ['bytes']],
    [{ odd: 'http://a:%zz@host/' }, ['%zz']],
  ])('detects the secret in %j', (map, expected) => {
    expect(secretsOfMap(map)).toEqual(expect.arrayContaining(expected));
  });

  it('may contain itself', () => {
    const map: { pass: string; self?: object } = { pass: 'p4ss' };
    map.self = map;
    expect(secrets(map)).toEqual(['p4ss']);
  });
});
