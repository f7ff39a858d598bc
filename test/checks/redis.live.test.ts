import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type RedisOptions, redisCheck } from '../../src/checks/redis/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { ownServer } from '../live/own-server.js';
import { TcpProxy } from '../live/proxy.js';
import { Redis } from '../live/redis.js';
import { runCheck } from '../live/run-check.js';

const itOwnServer = ownServer('TEST_REDIS_URL');

/** What a test opens. Closed after the test. */
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function check(options: RedisOptions): CheckDefinition {
  const made = redisCheck({ timeout: 1500, ...options });
  closing.push(() => made.close?.());
  return made;
}

const well = { status: 'pass', observedValue: 'primary', observedUnit: 'role' };

describe('a check of Redis', () => {
  let server: Redis;
  beforeAll(async () => {
    server = await Redis.start();
  }, 60_000);
  afterAll(() => server.stop());

  /** Number of client connections, except the one of this query. */
  const connections = async () => (String(await server.command(['CLIENT', 'LIST'])).match(/^id=/gm) ?? []).length - 1;
  const connectionsFallTo = async (count: number) => {
    while ((await connections()) > count) await new Promise((resolve) => setImmediate(resolve));
  };

  it('passes with the role as its observed value, on one connection for all runs, and closes it', async () => {
    const before = await connections();
    const definition = check({ url: server.url() });
    for (let run = 0; run < 5; run++) expect(await runCheck(definition)).toMatchObject(well);
    expect(await connections()).toBe(before + 1);
    await definition.close?.();
    await connectionsFallTo(before);
  });

  itOwnServer('ends at its timeout while the server is frozen, keeps nothing, and passes in the next run', async () => {
    const before = await connections();
    const definition = check({ url: server.url(), timeout: 300 });
    expect(await runCheck(definition)).toMatchObject(well);
    await server.freeze();
    // First with a kept connection, then without one.
    for (let run = 0; run < 3; run++) {
      const outcome = await runCheck(definition);
      expect(outcome).toMatchObject({ status: 'fail', reason: 'timeout' });
      expect(outcome.ms).toBeGreaterThanOrEqual(299);
    }
    server.thaw();
    await connectionsFallTo(before);
    expect(await runCheck(definition)).toMatchObject(well);
    expect(await connections()).toBe(before + 1);
  });

  itOwnServer('fails with refused while it is stopped, and passes in the first run after its restart', async () => {
    const definition = check({ url: server.url() });
    await runCheck(definition);
    await server.kill();
    for (let run = 0; run < 2; run++) {
      expect(await runCheck(definition)).toMatchObject({ status: 'fail', reason: 'refused' });
    }
    await server.restart();
    expect(await runCheck(definition)).toMatchObject(well);
  });

  itOwnServer('passes if the server was restarted between two runs', async () => {
    const definition = check({ url: server.url() });
    await runCheck(definition);
    await server.restart();
    expect(await runCheck(definition)).toMatchObject(well);
  });

  itOwnServer('fails with loading, and passes when it has loaded', async () => {
    const definition = check({ url: server.url() });
    await server.restartLoading();
    for (let run = 0; run < 2; run++) {
      expect(await runCheck(definition)).toMatchObject({ status: 'fail', reason: 'loading' });
    }
    await server.loaded();
    expect(await runCheck(definition)).toMatchObject(well);
    await server.restart();
  });

  itOwnServer('fails with auth without a password or with a wrong one, and passes with the right one', async () => {
    const secret = 'c0rrect/h@rse';
    await server.command(['CONFIG', 'SET', 'requirepass', secret]);
    const without = await runCheck(check({ url: server.url() }));
    const wrong = await runCheck(check({ url: server.url({ password: 'wr0ng-p4ss' }) }));
    const right = check({ url: server.url({ password: secret }) });
    expect(without).toMatchObject({ status: 'fail', reason: 'auth', output: expect.stringMatching(/^NOAUTH/) });
    expect(wrong).toMatchObject({ status: 'fail', reason: 'auth', output: expect.stringMatching(/^WRONGPASS/) });
    expect(JSON.stringify([without, wrong])).not.toMatch(/wr0ng|c0rrect/);
    expect(right.secrets).toEqual(expect.arrayContaining([secret, encodeURIComponent(secret)]));
    expect(await runCheck(right)).toMatchObject(well);
    await server.command(['CONFIG', 'SET', 'requirepass', ''], secret);
  });

  itOwnServer('passes without a role if the user may only PING', async () => {
    await server.command(['ACL', 'SETUSER', 'prober', 'on', '>pw', '+ping']);
    const outcome = await runCheck(check({ url: server.url({ user: 'prober', password: 'pw' }) }));
    expect(outcome.status).toBe('pass');
    expect(outcome.observedValue).toBeUndefined();
    await server.command(['ACL', 'SETUSER', 'prober', '-ping']);
    const refused = await runCheck(check({ url: server.url({ user: 'prober', password: 'pw' }) }));
    expect(refused).toMatchObject({ status: 'fail', reason: 'auth', output: expect.stringMatching(/^NOPERM/) });
  });

  itOwnServer('fails with too-many-connections, and passes when a connection is free', async () => {
    const definition = check({ url: server.url() });
    const client = await Redis.start();
    closing.push(() => client.stop());
    const taken = [check({ url: client.url() }), check({ url: client.url() })];
    await client.command(['CONFIG', 'SET', 'maxclients', 2]);
    for (const other of taken) expect(await runCheck(other)).toMatchObject(well);
    const second = check({ url: client.url() });
    expect(await runCheck(second)).toMatchObject({ status: 'fail', reason: 'too-many-connections' });
    const late = check({ url: client.url({ password: 'pw' }) });
    expect(await runCheck(late)).toMatchObject({ status: 'fail', reason: 'too-many-connections' });
    await taken[0]?.close?.();
    expect(await runCheck(definition)).toMatchObject(well);
    expect((await runCheck(second)).status).toBe('pass');
  });

  it('reports a connection that was reset between runs, and a peer that no longer answers', async () => {
    const proxy = await TcpProxy.start({ to: server.port });
    closing.push(() => proxy.stop());
    const definition = check({ url: server.url({ host: '127.0.0.1', port: proxy.port }), timeout: 400 });
    expect((await runCheck(definition)).status).toBe('pass');
    proxy.freeze();
    expect(await runCheck(definition)).toMatchObject({ status: 'fail', reason: 'timeout' });
    proxy.thaw();
    expect((await runCheck(definition)).status).toBe('pass');
    proxy.cut();
    expect((await runCheck(definition)).status).toBe('pass');
  });
});

it('reports the error of a server that then resets the connection', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('-ERR max number of clients reached\r\n', () => socket.resetAndDestroy());
    });
  });
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  for (let each = 0; each < 20; each++) {
    const outcome = await runCheck(check({ url: `redis://127.0.0.1:${port}` }));
    expect(outcome).toMatchObject({ status: 'fail', reason: 'too-many-connections' });
  }
});

describe('a check of another kind of server', () => {
  let server: Server;
  const answering = async (answer: (socket: Socket) => void) => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      answer(socket);
      socket.resume();
    });
    closing.push(() => new Promise((resolve) => server.close(resolve)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `redis://127.0.0.1:${(server.address() as { port: number }).port}`;
  };

  it.each<[string, string, (socket: Socket) => void]>([
    [
      'an HTTP server',
      'protocol',
      (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    ],
    ['a mail server that speaks first', 'protocol', (socket) => socket.end('220 mail ready\r\n')],
    [
      'another answer',
      'protocol',
      (socket) => socket.once('data', () => socket.end('+PANG\r\n*1\r\n$6\r\nmaster\r\n')),
    ],
    ['a reset', 'reset', (socket) => socket.once('data', () => socket.resetAndDestroy())],
    ['a close without a word', 'reset', (socket) => socket.end()],
  ])('reports %s', async (_what, reason, answer) => {
    const outcome = await runCheck(check({ url: await answering(answer) }));
    expect(outcome).toMatchObject({ status: 'fail', reason });
  });

  it('fails with tls on a port without TLS', async () => {
    const url = await answering((socket) => socket.once('data', () => socket.end('-ERR unknown command\r\n')));
    expect(await runCheck(check({ url: url.replace('redis:', 'rediss:') }))).toMatchObject({
      reason: 'tls',
      output: 'the server does not use TLS: use redis://, or enable TLS on the server',
    });
  });
});

describe('options of a redis check', () => {
  it.each([
    [{}, /url is missing/],
    [{ url: 'http://hidden@x' }, /scheme "http"; allowed: redis:\/\//],
    [{ url: 'redis://x/hidden' }, /a URL whose database is not a number/],
    [{ url: 'redis://x', role: 'king' }, /role/],
  ])('refuses %j', (options, message) => {
    const make = () => redisCheck(options as RedisOptions);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'PONGCHECK_CONFIG' }));
    expect(make).not.toThrow(/hidden/);
  });
});
