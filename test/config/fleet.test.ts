import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readConfiguration } from '../../src/config/load.js';
import { effective } from '../../src/config/print.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { changedPaths, readServiceOptions } from '../../src/service/settings.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pongcheck-fleet-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function settingsOf(options: object) {
  const file = join(folder, 'pongcheck.yml');
  await writeFile(file, JSON.stringify(options));
  return (await readConfiguration({ file, env: {} })).settings;
}

describe('the fleet', () => {
  it('is absent by default', async () => {
    expect(readServiceOptions({}).fleet).toBeUndefined();
    expect(await settingsOf({})).not.toHaveProperty('fleet');
  });

  it('is the same in a file and in code, with up to 500 addresses', async () => {
    const from = Array.from({ length: 500 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
    const fleet = { from, statusUrl: 'https://{host}:7664/status' };
    const settings = await settingsOf({ fleet });
    expect(settings.fleet?.from[499]).toBe('pong://10.0.1.243:7464');
    const inCode = readServiceOptions({ fleet }).fleet;
    expect(inCode?.from).toHaveLength(500);
    expect(inCode).toEqual(readServiceOptions({ fleet: settings.fleet } as ServiceOptions).fleet);
    expect(inCode?.from[499]).toEqual({ kind: 'tcp', host: '10.0.1.243', port: 7464 });
  });

  it('is printed without the token', async () => {
    const settings = await settingsOf({ fleet: { from: ['pongs://shop'], token: 'hunter2' } });
    expect(effective({ settings, checks: {} })).toMatchObject({
      fleet: { from: ['pongs://shop:7464'], token: '***' },
    });
  });

  it('is compared by a reload, path by path', () => {
    const of = (fleet?: object) => readServiceOptions({ ...(fleet && { fleet }) } as ServiceOptions);
    expect(changedPaths(of({ from: ['shop'] }), of({ from: ['pong://shop:7464'] }))).toEqual([]);
    expect(changedPaths(of({ from: ['shop'] }), of({ from: ['stock'], token: 'hunter2' }))).toEqual([
      'fleet.from',
      'fleet.token',
    ]);
  });

  it.each<[fleet: object, problem: string]>([
    [{}, 'fleet.from is missing; allowed: a list of 1 to 500 addresses: pong://HOST:PORT, '],
    [{ from: Array(501).fill('a') }, 'fleet.from is a list; allowed: a list of 1 to 500 addresses'],
    [{ from: ['pong+unix:/a', 'b'] }, 'fleet.from is a list; allowed: '],
    [{ from: ['a'], statusUrl: 'ftp://{host}/' }, 'allowed: an http:// or https:// URL with {host} in it'],
    [{ from: ['a'], statusUrl: 'javascript:alert(1)//{host}' }, 'allowed: an http:// or https:// URL'],
    [{ from: ['a'], statusUrl: 'http://me:secret@{host}/' }, 'allowed: an http:// or https:// URL with {host} in it'],
    [{ from: ['a'], statusUrl: 'http://{host}:port/' }, 'allowed: an http:// or https:// URL with {host} in it'],
    [{ from: ['a'], tls: {} }, 'fleet.tls requires a pongs:// address in fleet.from'],
    [{ from: ['pongs://a'], tls: { cert: '/c.pem' } }, 'fleet.tls.key is missing; allowed: cert and key together'],
  ])('is refused in a file and in code: %j', async (fleet, problem) => {
    await expect(settingsOf({ fleet })).rejects.toThrow(problem);
    expect(() => readServiceOptions({ fleet } as ServiceOptions)).toThrow(problem);
  });

  it('is refused in code if a TLS file cannot be read', () => {
    const tls = { ca: join(folder, 'missing.pem') };
    expect(() => readServiceOptions({ fleet: { from: ['pongs://shop'], tls } })).toThrow(
      'fleet.tls.ca is a file that cannot be read (ENOENT); allowed: the path of a PEM file',
    );
  });
});
