import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { checkKinds } from '../../src/checks/catalog.js';
import { defineCheck } from '../../src/checks/define.js';

const sources = fileURLToPath(new URL('../../src/', import.meta.url));

describe('the list of check kinds', () => {
  it('names each kind once, with a description of the kind and of each option', () => {
    const kinds = checkKinds.map(({ kind }) => kind);
    expect(kinds).toEqual([
      'mysql',
      'postgres',
      'redis',
      'http',
      'grpc',
      'tcp',
      'dns',
      'tls-expiry',
      'pingpong',
      'process',
      'disk',
      'exec',
      'module',
    ]);
    for (const { description, options } of checkKinds) {
      expect(new Set(options.map(({ path }) => path)).size).toBe(options.length);
      for (const text of [description, ...options.map((option) => option.description)])
        expect(text).toMatch(/^\S.*\.$/);
      for (const { required, default: value, defaultText, path } of options) {
        expect([path, required || value !== undefined || defaultText !== undefined]).toEqual([path, true]);
      }
    }
  });

  it.each([
    ['mysql', { url: 'mysql://me:hush@127.0.0.1:1/db' }],
    ['postgres', { url: 'postgres://me:hush@127.0.0.1:1/db' }],
    ['postgres', { host: '127.0.0.1', user: 'me', password: 'hush' }],
    ['redis', { url: 'redis://me:hush@127.0.0.1:1/0' }],
    ['http', { url: 'http://me:hush@127.0.0.1:1/' }],
  ])('creates a check of %s that keeps its settings, names its secret, and opens nothing', async (kind, options) => {
    const make = await checkKinds.find((row) => row.kind === kind)?.load();
    const check = defineCheck(
      'it',
      await (make as NonNullable<typeof make>)({ ...options, critical: false, timeout: 50 }),
    );
    expect(check).toMatchObject({ kind, critical: false, timeout: 50 });
    expect(check.secrets).toContain('hush');
    await check.close?.();
  });

  const url = '//127.0.0.1:1';
  const examples: Readonly<Record<string, object>> = {
    mysql: { url: `mysql:${url}` },
    postgres: { url: `postgres:${url}` },
    redis: { url: `redis:${url}` },
    http: { url: `http:${url}` },
    grpc: { url: `grpc:${url}` },
    tcp: { url: `tcp:${url}` },
    dns: { name: 'shop.test' },
    'tls-expiry': { url: `tls:${url}` },
    pingpong: { url: `pong:${url}` },
    process: {},
    disk: { path: '/' },
    exec: { command: '/bin/true' },
  };

  it.each(checkKinds.filter(({ kind }) => kind !== 'module'))(
    'states that a run of $kind does not block the event loop, except to start a program',
    async ({ kind, load }) => {
      const check = defineCheck('it', await (await load())({ ...examples[kind] }));
      expect(check.nonBlocking ?? false).toBe(kind !== 'exec');
      await check.close?.();
    },
  );

  it('loads no driver until a check that uses it runs', () => {
    const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const drivers = /^\s*(?:import|export)\s+(?!type\b)[^;]*\bfrom\s+'(?:mysql2|ioredis|pg)'/m;
    expect(files).toContain(join('checks', 'mysql', 'index.ts'));
    expect(files.filter((file) => drivers.test(readFileSync(join(sources, file), 'utf8')))).toEqual([]);
  });
});
