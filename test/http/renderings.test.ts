import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Tokens } from '../../src/net/tokens.js';
import { FakeClock } from '../fake-clock.js';
import { FakeHealth } from '../server/fake-health.js';
import { closeAll, overviewOf, serve } from './served.js';

afterEach(closeAll);

const token = 'a-right-token-0123456789';

/** A service that counts the renderings of each route. */
async function counted() {
  const clock = new FakeClock();
  const health = new FakeHealth();
  health.atOnce = 'pass';
  health.report = { state: 'pass', instance: 'me', checks: { db: [{ state: 'pass', output: 'x'.repeat(2000) }] } };
  const read = { metrics: 0, board: 0, connections: 0 };
  const overview = {
    ...overviewOf(health),
    groups: () => {
      read.board++;
      return ['readiness'];
    },
  };
  const metrics = async () => `pings ${++read.metrics}\n`.padEnd(5000, '#');
  const { url } = await serve(
    {
      health,
      overview,
      detail: 'token',
      tokens: new Tokens([token]),
      register: () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics }),
      connections: async (after: number) => {
        read.connections++;
        return [{ id: after + 1, name: 'a\u001b[2J\u009b\u202e' }];
      },
    },
    { clock },
  );
  return { url, clock, read };
}

/** The body as received. */
function raw(url: string, headers: Record<string, string> = {}) {
  return new Promise<{ headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    request(url, { agent: false, headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ headers: response.headers, body: Buffer.concat(chunks) });
    })
      .on('error', reject)
      .end();
  });
}

const authorization = `Bearer ${token}`;

describe('a rendering', () => {
  it.each([
    ['/', 'board'],
    ['/status', 'board'],
    ['/status.json', 'board'],
    ['/connections', 'connections'],
    ['/metrics', 'metrics'],
  ] as const)('is created once for all requests for %s within 250 ms', async (path, what) => {
    const { url, clock, read } = await counted();
    await Promise.all(Array.from({ length: 10 }, () => raw(url + path, { authorization })));
    await clock.advance(249);
    await raw(`${url}${path}?unheard=of`, { authorization });
    expect(read[what]).toBe(1);
    await clock.advance(1);
    await raw(url + path, { authorization });
    expect(read[what]).toBe(2);
  });

  it('is cached separately for each access level', async () => {
    const { url } = await counted();
    for (const path of ['/', '/status', '/status.json', '/connections']) {
      expect((await raw(url + path, { authorization })).body.toString()).toMatch(/db|"id"/);
      expect((await raw(url + path)).body.toString()).not.toMatch(/db|"id"/);
      expect((await raw(url + path, { authorization })).body.toString()).toMatch(/db|"id"/);
    }
  });

  it('is cached separately for each value of a query, up to a limit', async () => {
    const { url, read } = await counted();
    const page = async (after: number) =>
      JSON.parse((await raw(`${url}/connections?after=${after}`, { authorization })).body.toString()).connections[0].id;
    expect([await page(1), await page(2), await page(1)]).toEqual([2, 3, 2]);
    expect(read.connections).toBe(2);
    for (let after = 3; after < 20; after++) await page(after);
    await page(1);
    expect(read.connections).toBe(20);
  });
});

describe('a response body', () => {
  it.each(['/', '/status.json', '/connections', '/metrics', '/health', '/readyz?verbose'])(
    'of %s is compressed for clients that accept gzip',
    async (path) => {
      const { url } = await counted();
      const headers = { authorization };
      const plain = await raw(url + path, headers);
      const zipped = await raw(url + path, { ...headers, 'accept-encoding': 'deflate, gzip;q=0.8, br' });
      expect([plain.headers['content-encoding'], plain.headers.vary]).toEqual([undefined, 'accept-encoding']);
      if (plain.body.length >= 1024) {
        expect(zipped.headers['content-encoding']).toBe('gzip');
        expect(gunzipSync(zipped.body)).toEqual(plain.body);
      } else {
        expect(zipped).toMatchObject({ body: plain.body });
      }
    },
  );

  it.each(['gzip;q=0', 'gzip; q=0.0', 'br', 'gzipped', ''])(
    'is not compressed for clients that send %j',
    async (encodings) => {
      const { url } = await counted();
      expect((await raw(`${url}/metrics`, { 'accept-encoding': encodings })).headers).not.toHaveProperty(
        'content-encoding',
      );
    },
  );

  it('escapes names from peers for terminals', async () => {
    const { url } = await counted();
    const { body } = await raw(`${url}/connections`, { authorization });
    expect(body.toString()).toContain('"a\\u001b[2J\\u009b\\u202e"');
  });
});
