import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { httpCheck } from '../../src/checks/http/index.js';
import { mysqlCheck } from '../../src/checks/mysql/index.js';
import { redisCheck } from '../../src/checks/redis/index.js';

const folder = mkdtempSync(join(tmpdir(), 'pongcheck-identity-'));
afterAll(() => rmSync(folder, { recursive: true }));

const url = 'https://user:hunter22@127.0.0.1/';

describe('the identity of a check', () => {
  it('depends on its options, in any order, but not on its schedule', () => {
    const { identity } = httpCheck({ url, method: 'GET', maxBody: 10, interval: 1000 });
    expect(httpCheck({ maxBody: 10, method: 'GET', url, fall: 3, groups: ['a'] }).identity).toBe(identity);
    expect(identity).not.toContain('hunter22');
  });

  it.each([
    ['a password', { url: url.replace('hunter22', 'hunter23') }],
    ['a header', { url, headers: { a: '1' } }],
    ['another header', { url, headers: { b: '1' } }],
    ['a regular expression', { url, expectBody: /a/ }],
    ['the flags of one', { url, expectBody: /a/i }],
    ['a text that looks the same', { url, expectBody: '/a/' }],
    ['one option more', { url, redirects: 1 }],
  ])('differs with %s', (_what, options) => {
    const others = [{ url }, { url, expectBody: /b/ }, { url, headers: { a: '2' } }];
    expect(others.map((other) => httpCheck(other).identity)).not.toContain(httpCheck(options).identity);
    expect(httpCheck({ ...options }).identity).toBe(httpCheck(options).identity);
  });

  it('differs if the same text has another type', () => {
    const given = { url: 'mysql://a@127.0.0.1/' };
    expect(mysqlCheck(given).identity).not.toBe(redisCheck({ url: 'redis://a@127.0.0.1/' }).identity);
  });

  it('depends on the given client, not on its properties', () => {
    const client = (): object => ({ ping: () => {}, on: () => {}, off: () => {}, status: 'ready', options: {} });
    const [a, b] = [client(), client()] as [never, never];
    expect(redisCheck({ client: a }).identity).toBe(redisCheck({ client: a, interval: 100 }).identity);
    expect(redisCheck({ client: a }).identity).not.toBe(redisCheck({ client: b }).identity);
  });

  it('changes with the contents of the files that are read at creation', () => {
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, 'one');
    const { identity } = httpCheck({ url, tls: { ca } });
    expect(httpCheck({ url, tls: { ca } }).identity).toBe(identity);
    writeFileSync(ca, 'two');
    expect(httpCheck({ url, tls: { ca } }).identity).not.toBe(identity);
  });
});
