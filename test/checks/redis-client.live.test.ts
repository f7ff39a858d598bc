import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from '@redis/client';
import { Cluster, Redis as Ioredis } from 'ioredis';
import type { RedisClient } from '../../src/checks/redis/client-probe.js';
import { redisCheck } from '../../src/checks/redis/index.js';
import type { CheckDefinition, CheckSettings } from '../../src/health/check.js';
import { ownServer } from '../live/own-server.js';
import { TcpProxy } from '../live/proxy.js';
import { Redis } from '../live/redis.js';
import { runCheck } from '../live/run-check.js';

const itOwnServer = ownServer('TEST_REDIS_URL');

let server: Redis;
beforeAll(async () => {
  server = await Redis.start();
}, 60_000);
afterAll(() => server.stop());

/** What a test opens. Closed after the test. */
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Used {
  client: RedisClient;
  /**
   * Takes the next element of a list. It waits, and the connection cannot be used for anything else in the meantime.
   */
  block(list: string): Promise<unknown>;
}

/** Creates a connected client. */
const kinds: [string, (port: number) => Promise<Used>][] = [
  [
    'ioredis',
    async (port) => {
      const client = new Ioredis({ port, host: server.host, retryStrategy: () => 20, lazyConnect: true });
      client.on('error', () => {});
      await client.connect();
      closing.push(
        () =>
          new Promise((resolve) => {
            client.once('end', () => resolve(undefined));
            client.disconnect();
          }),
      );
      return { client, block: (list) => client.blpop(list, 0) };
    },
  ],
  [
    'redis',
    async (port) => {
      const client = createClient({ socket: { port, host: server.host, reconnectStrategy: 20 } });
      client.on('error', () => {});
      await client.connect();
      closing.push(() => client.destroy());
      return { client, block: (list) => client.blPop(list, 0) };
    },
  ],
];

function check(client: RedisClient, settings: CheckSettings = {}): CheckDefinition {
  const made = redisCheck({ client, timeout: 400, ...settings });
  closing.push(() => made.close?.());
  return made;
}

const well = { status: 'pass', observedValue: 'primary', observedUnit: 'role' };
const exhausted = { status: 'fail', reason: 'pool-exhausted' };

describe.each(kinds)('a Redis check of the application’s %s client', (_kind, connected) => {
  it('passes, with its own connection in addition to the client', async () => {
    const proxy = await TcpProxy.start({ to: server.port });
    closing.push(() => proxy.stop());
    const { client } = await connected(proxy.port);
    const trial = check(client);
    for (let run = 0; run < 3; run++) expect(await runCheck(trial)).toMatchObject(well);
    // The application's connection and the check's connection.
    expect(proxy.connections).toBe(2);
  });

  it('reports pool-exhausted for a blocked client while its server works, keeps one PING in it, and recovers', async () => {
    const { client, block } = await connected(server.port);
    const list = `list-${Math.random()}`;
    const blocked = block(list);
    const pings: unknown[] = [];
    const trial = check(
      new Proxy(client, {
        get: (target, key) => {
          const value = Reflect.get(target, key, target);
          if (typeof value !== 'function') return value;
          return (...given: unknown[]) => {
            if (key === 'ping') pings.push(key);
            return value.apply(target, given);
          };
        },
      }),
    );
    for (let run = 0; run < 2; run++) {
      expect(await runCheck(trial)).toMatchObject({
        ...exhausted,
        output: expect.stringMatching(/^the client did not answer within \d+ ms, but the server answers$/),
      });
    }
    expect(pings).toHaveLength(1);
    await server.command(['LPUSH', list, 'go']);
    await blocked;
    expect(await runCheck(trial)).toMatchObject(well);
  });

  itOwnServer('reports refused or timeout if the server fails, and passes when both are back', async () => {
    const { client } = await connected(server.port);
    const trial = check(client);
    await server.freeze();
    expect(await runCheck(trial)).toMatchObject({ reason: 'timeout' });
    await server.kill();
    expect(await runCheck(trial)).toMatchObject({ reason: 'refused' });
    await server.restart();
    const lenient = check(client, { timeout: 5000 });
    expect(await runCheck(lenient)).toMatchObject(well);
  });
});

describe('a Redis check of an ioredis client', () => {
  it('does not use a client that the application has not connected', async () => {
    const client = new Ioredis(server.url(), { lazyConnect: true });
    expect(await runCheck(check(client))).toMatchObject(well);
    expect(client.status).toBe('wait');
  });

  it('reports pool-exhausted for a closed client, and keeps nothing in it', async () => {
    const client = new Ioredis(server.url(), { lazyConnect: true });
    await client.connect();
    const ended = new Promise((resolve) => client.once('end', resolve));
    client.disconnect();
    await ended;
    expect(await runCheck(check(client))).toMatchObject({
      ...exhausted,
      output: expect.stringMatching(/^the client did not connect \(end\) within/),
    });
    expect(client.listenerCount('ready')).toBe(0);
    expect((client as unknown as { offlineQueue: { length: number } }).offlineQueue.length).toBe(0);
  });

  itOwnServer('logs in like the client, and shows no password', async () => {
    await server.command(['ACL', 'SETUSER', 'app', 'on', '>r1ght-p4ss', '~*', '+@all']);
    const login = { lazyConnect: true, port: server.port, host: server.host, username: 'app' };
    expect(await runCheck(check(new Ioredis({ ...login, password: 'r1ght-p4ss' })))).toMatchObject(well);
    const wrong = await runCheck(check(new Ioredis({ ...login, password: 'wr0ng-p4ss' })));
    expect(wrong).toMatchObject({ status: 'fail', reason: 'auth' });
    const other = createClient({ socket: { port: server.port }, username: 'app', password: 'wr0ng-p4ss' });
    expect(await runCheck(check(other))).toMatchObject({ status: 'fail', reason: 'auth' });
    expect(JSON.stringify(wrong)).not.toContain('wr0ng');
  });
});

describe('a Redis check of a redis client', () => {
  it('does not use a client that the application has not connected, and reports pool-exhausted for a closed one', async () => {
    const client = createClient({ url: server.url() });
    const trial = check(client);
    expect(await runCheck(trial)).toMatchObject(well);
    expect(client.isOpen).toBe(false);
    await client.connect();
    expect(await runCheck(trial)).toMatchObject(well);
    client.destroy();
    expect(await runCheck(trial)).toMatchObject({
      ...exhausted,
      output: expect.stringMatching(/^the client did not connect within/),
    });
    expect(client.listenerCount('ready')).toBe(0);
  });
});

describe('options of a Redis check of a client', () => {
  it.each([
    ['nothing', () => ({ client: null }), /client is null; allowed: an object with ping\(\)/],
    ['a function', () => ({ client: () => {} }), /client is a function/],
    ['a URL besides', () => ({ client: {}, url: 'redis://me:hush@x' }), /url is not a known option; allowed: .*client/],
    [
      'a cluster',
      () => ({ client: new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true }) }),
      /client is a cluster/,
    ],
    [
      'credentials to come',
      () => ({
        client: createClient({
          credentialsProvider: { type: 'async-credentials-provider', credentials: async () => ({}) },
        }),
      }),
      /client is a client with a credentials provider/,
    ],
  ])('refuses %s', (_what, options, message) => {
    const make = () => redisCheck(options() as never);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'PONGCHECK_CONFIG' }));
    expect(make).not.toThrow(/hush/);
  });
});
