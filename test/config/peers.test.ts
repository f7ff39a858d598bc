import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildChecks, closeOthers } from '../../src/config/checks.js';
import { readConfiguration } from '../../src/config/load.js';
import { effective } from '../../src/config/print.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { changedPaths, readServiceOptions } from '../../src/service/settings.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pongcheck-peers-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function configured(content: string) {
  const file = join(folder, 'pongcheck.yml');
  await writeFile(file, content);
  const configuration = await readConfiguration({ file, env: {} });
  const checks = await buildChecks(configuration);
  await closeOthers(checks);
  return { settings: configuration.settings, checks };
}

const messageOf = (error: Error) => error.message.replaceAll(`${folder}/`, '');

/** Problems of a file, without its name, and of the same options in code. */
async function problemsOf(options: object): Promise<[file: string, code: string]> {
  const file = await configured(JSON.stringify(withKinds(options))).then(() => '', messageOf);
  let code = '';
  try {
    readServiceOptions(options as ServiceOptions);
  } catch (error) {
    code = messageOf(error as Error);
  }
  return [file.replaceAll(/^pongcheck\.yml:\d+: /gm, ''), code];
}

/** Checks in a file have a kind, those in code a function. */
function withKinds({ checks = {}, ...options }: { checks?: object }): object {
  const kinds = Object.entries(checks).map(([name, { run: _, ...check }]) => [
    name,
    { ...check, kind: 'disk', path: '/' },
  ]);
  return { ...options, checks: Object.fromEntries(kinds) };
}

const run = async () => ({ status: 'pass' });
const check = (settings: object) => ({ db: { kind: 'disk', run, ...settings } });
const peers = { from: ['pong://shop'] };

describe('the peers', () => {
  it('are absent by default, together with their defaults', async () => {
    expect(readServiceOptions({}).peers).toBeUndefined();
    expect((await configured('{}')).settings).not.toHaveProperty('peers');
  });

  it('have defaults in code', () => {
    expect(readServiceOptions({ peers: { from: ['shop', 'srv+pong://_pong._tcp.shop'] } }).peers).toEqual({
      from: [
        { kind: 'tcp', host: 'shop', port: 7464 },
        { kind: 'srv', name: '_pong._tcp.shop', transport: 'tcp' },
      ],
      ask: 11,
      timeout: 300,
    });
  });

  it('have the same defaults in a file, whose settings a service accepts', async () => {
    const { settings } = await configured('peers: { from: [shop] }');
    expect(settings.peers).toEqual({ from: ['pong://shop:7464'], ask: 11, timeout: 300 });
    expect(readServiceOptions({ peers: settings.peers as object } as ServiceOptions).peers).toMatchObject({
      from: [{ kind: 'tcp', host: 'shop', port: 7464 }],
      ask: 11,
      timeout: 300,
    });
  });

  it('are printed without the token', async () => {
    const content = 'peers: { from: ["pongs://shop"], ask: 3, timeout: 1s, token: hunter2, tls: { verify: false } }';
    const { settings, checks } = await configured(content);
    expect(effective({ settings, checks })).toMatchObject({
      peers: { from: ['pongs://shop:7464'], ask: 3, timeout: '1s', token: '***', tls: { verify: false } },
    });
  });

  it('are compared by a reload, path by path', () => {
    const before = readServiceOptions({ peers });
    const next = readServiceOptions({ peers: { from: ['pong://shop', 'pong://other'], token: 'hunter2', ask: 11 } });
    expect(changedPaths(before, readServiceOptions({ peers: { from: ['shop'] } }))).toEqual([]);
    expect(changedPaths(before, next)).toEqual(['peers.from', 'peers.token']);
    expect(changedPaths(before, readServiceOptions({}))).toEqual(['peers.from', 'peers.ask', 'peers.timeout']);
  });
});

describe('invalid peers', () => {
  it.each<[object, string]>([
    [{ peers: {} }, 'peers.from is missing; allowed: a list of 1 to 32 addresses: pong://HOST:PORT, '],
    [{ peers: { from: [] } }, 'peers.from is an empty list; allowed: a list of 1 to 32 addresses: '],
    [{ peers: { from: ['a', 'pong+unix:/b'] } }, 'peers.from is a list; allowed: '],
    [{ peers: { from: Array(33).fill('a') } }, 'peers.from is a list; allowed: '],
    [{ peers: { ...peers, ask: 0 } }, 'peers.ask is 0; allowed: a whole number from 1 to 16'],
    [{ peers: { ...peers, ask: 17 } }, 'peers.ask is 17; allowed: a whole number from 1 to 16'],
    [{ peers: { ...peers, token: '' } }, 'peers.token is a string; allowed: '],
    [{ peers: { ...peers, tokn: 'x' } }, 'peers.tokn is not a known option; did you mean token?'],
    [{ peers: { ...peers, tls: {} } }, 'peers.tls requires a pongs:// address in peers.from'],
    [
      { peers: { from: ['srv+pongs://shop'], tls: { key: '/k.pem' } } },
      'peers.tls.cert is missing; allowed: cert and key together',
    ],
  ])('are refused in a file and in code with the same sentence: %j', async (options, problem) => {
    const [file, code] = await problemsOf(options);
    expect(file).toContain(problem);
    expect(code).toBe(file);
  });

  it.each([9, 10_001])('are refused for a timeout of %d ms', async (timeout) => {
    expect(await problemsOf({ peers: { ...peers, timeout } })).toEqual([
      expect.stringContaining('peers.timeout is '),
      `peers.timeout is ${timeout}; allowed: milliseconds, a whole number from 10 to 10000`,
    ]);
  });

  it('are refused in code if a TLS file cannot be read', () => {
    const tls = { ca: join(folder, 'missing.pem') };
    expect(() => readServiceOptions({ peers: { from: ['pongs://shop'], tls } })).toThrow(
      'peers.tls.ca is a file that cannot be read (ENOENT); allowed: the path of a PEM file',
    );
  });
});

describe('a check with onShared', () => {
  it('is fail by default', () => {
    expect(readServiceOptions({ checks: { db: () => {} } }).registry.checks[0]?.onShared).toBe('fail');
  });

  it('may warn if there are peers', async () => {
    const options = { peers, checks: check({ onShared: 'warn' }) };
    expect(await problemsOf(options)).toEqual(['', '']);
    const { settings, checks } = await configured(JSON.stringify(withKinds(options)));
    expect(effective({ settings, checks })).toMatchObject({ checks: { db: { onShared: 'warn' } } });
  });

  it.each<[object, string]>([
    [{ checks: check({ onShared: 'warn' }) }, 'checks.db.onShared is "warn"; allowed: fail, or warn with peers.from'],
    [
      { peers, checks: check({ onShared: 'warn', interval: 0 }) },
      'checks.db.onShared is "warn"; allowed: fail, or warn with an interval above 0',
    ],
    [
      { peers, checks: check({ onShared: 'warn', critical: false }) },
      'checks.db.onShared is "warn"; allowed: fail, or warn with critical: true',
    ],
    [{ peers, checks: check({ onShared: 'pass' }) }, 'checks.db.onShared is "pass"; allowed: one of fail, warn'],
  ])('is refused in a file and in code with the same sentence: %j', async (options, problem) => {
    expect(await problemsOf(options)).toEqual([problem, problem]);
  });

  it.each([{ interval: 0 }, { critical: false }])('may fail with %j and without peers', async (settings) => {
    expect(await problemsOf({ checks: check({ onShared: 'fail', ...settings }) })).toEqual(['', '']);
  });
});
