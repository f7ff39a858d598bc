import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpService } from './http-service.js';
import { MariaDb } from './mariadb.js';
import { ownServer } from './own-server.js';
import { TcpProxy } from './proxy.js';
import { Redis } from './redis.js';

/** Whether an answer arrives within a time in which a running server answers many times. */
const answersWithin = (ms: number, answer: Promise<unknown>) =>
  Promise.race([answer.then(() => true), new Promise((resolve) => setTimeout(resolve, ms, false))]);

describe('the MariaDB of the live tests', () => {
  const itOwnServer = ownServer('TEST_MYSQL_URL');
  let mariadb: MariaDb;
  beforeAll(async () => {
    mariadb = await MariaDb.start();
  }, 60_000);
  afterAll(() => mariadb.stop());

  it('answers queries and reports its counters', async () => {
    expect(await mariadb.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await mariadb.status('Threads_connected')).toBeGreaterThanOrEqual(1);
  });

  itOwnServer('does not answer while frozen, and continues', async () => {
    await mariadb.freeze();
    const answer = mariadb.query('SELECT 1');
    expect(await answersWithin(100, answer)).toBe(false);
    mariadb.thaw();
    await answer;
  });

  itOwnServer(
    'is available on its port after it was killed, frozen or not',
    async () => {
      await mariadb.query('CREATE DATABASE kept');
      await mariadb.freeze();
      await mariadb.kill();
      await expect(mariadb.query('SELECT 1')).rejects.toThrow();
      await mariadb.restart();
      expect(await mariadb.query("SHOW DATABASES LIKE 'kept'")).toHaveLength(1);
    },
    60_000,
  );
});

describe('the Redis of the live tests', () => {
  const itOwnServer = ownServer('TEST_REDIS_URL');
  let redis: Redis;
  beforeAll(async () => {
    redis = await Redis.start();
  }, 60_000);
  afterAll(() => redis.stop());

  it('answers commands', async () => {
    expect(await redis.command(['PING'])).toBe('PONG');
  });

  itOwnServer('does not answer while frozen, and continues', async () => {
    await redis.freeze();
    const answer = redis.command(['PING']);
    expect(await answersWithin(100, answer)).toBe(false);
    redis.thaw();
    expect(await answer).toBe('PONG');
  });

  itOwnServer(
    'keeps loading for as long as a test needs',
    async () => {
      await redis.restartLoading();
      await expect(redis.command(['PING'])).rejects.toThrow('LOADING');
      await redis.loaded();
      expect(await redis.command(['DBSIZE'])).toBe(100_000);
      await redis.restart();
    },
    60_000,
  );
});

describe('the proxy of the live tests', () => {
  it('forwards, freezes, continues and resets', async () => {
    const service = await HttpService.start();
    const proxy = await TcpProxy.start({ to: service.port, from: '127.0.0.3' });
    const socket = connect(proxy.port, '127.0.0.1');
    const heard: string[] = [];
    let hear = () => {};
    socket.on('data', (octets) => {
      heard.push(String(octets));
      hear();
    });
    let from: string | undefined;
    service.mode = (request, response) => {
      from = request.socket.remoteAddress;
      response.end('ok');
    };
    const answered = () => new Promise<void>((resolve) => (hear = resolve));

    proxy.freeze();
    const first = answered();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await answersWithin(50, first)).toBe(false);
    proxy.thaw();
    await first;
    expect(heard[0]).toContain('200 OK');
    expect(from).toBe('127.0.0.3');

    const error = new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
    proxy.cut();
    expect((await error).code).toBe('ECONNRESET');
    await proxy.stop();
    await service.stop();
    expect(service.connections).toBe(0);
  });
});
