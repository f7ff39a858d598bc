import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import { type PostgresPoolOptions, postgresCheck } from '../../src/checks/postgres/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { PostgresServer } from '../live/postgres.js';
import { TcpProxy } from '../live/proxy.js';
import { runCheck } from '../live/run-check.js';

describe('the postgres check with a pool', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(() => server.stop());

  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  function poolOf(config: PoolConfig = {}): Pool {
    const pool = new Pool({ connectionString: server.url(), max: 2, ...config });
    pool.on('error', () => {});
    closing.push(() => (pool.ended ? undefined : pool.end()));
    return pool;
  }

  function check(pool: Pool, options: Partial<PostgresPoolOptions> = {}): CheckDefinition {
    const made = postgresCheck({ pool, timeout: 1000, ...options });
    closing.push(() => made.close?.());
    return made;
  }

  /** Takes a connection from the pool. It is returned at the end of the test at the latest. */
  async function take(pool: Pool): Promise<PoolClient> {
    const client = await pool.connect();
    closing.push(() => release(client));
    held.add(client);
    return client;
  }
  const held = new Set<PoolClient>();
  const release = (client: PoolClient) => held.delete(client) && client.release();

  const exhausted = { status: 'fail', reason: 'pool-exhausted', observedUnit: 'connections' };

  it('passes, and opens no more than one connection of the pool', async () => {
    const pool = poolOf();
    const trial = check(pool);
    for (let run = 0; run < 3; run++) {
      expect(await runCheck(trial)).toMatchObject({
        status: 'pass',
        observedValue: { limit: 2, inUse: 0, free: 1, waiting: 0 },
        observedUnit: 'connections',
      });
    }
  });

  it('fails with pool-exhausted while the application holds all connections, and leaves at most one request', async () => {
    const pool = poolOf();
    const trial = check(pool);
    const taken = [await take(pool), await take(pool)];
    for (let run = 0; run < 3; run++) {
      expect(await runCheck(trial)).toMatchObject({
        ...exhausted,
        output: expect.stringMatching(
          /^the pool provided no connection \(2 of 2 in use, 1 waiting\) within \d+ ms, but/,
        ),
        observedValue: { limit: 2, inUse: 2, free: 0, waiting: 1 },
      });
    }
    for (const client of taken) release(client);
    const observedValue = { limit: 2, inUse: 0, free: 2, waiting: 0 };
    expect(await runCheck(trial)).toMatchObject({ status: 'pass', observedValue });
  });

  it('returns a connection that it gets after the end of a run', async () => {
    const pool = poolOf({ max: 1 });
    const trial = check(pool);
    const taken = await take(pool);
    expect(await runCheck(trial)).toMatchObject(exhausted);
    release(taken);
    expect((await pool.query('SELECT 1')).rowCount).toBe(1);
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0]);
  });

  it('fails with pool-exhausted if a pooled connection does not answer, and removes it', async () => {
    const proxy = await TcpProxy.start({ to: server.port });
    closing.push(() => proxy.stop());
    const pool = poolOf({ connectionString: server.url({ port: proxy.port }), max: 1 });
    const trial = check(pool);
    expect(await runCheck(trial)).toMatchObject({ status: 'pass' });
    // The check's connection, at the same address, would also be lost.
    const [{ pid }] = (await pool.query('SELECT pg_backend_pid() AS pid')).rows;
    process.kill(pid, 'SIGSTOP');
    closing.push(() => process.kill(pid, 'SIGCONT'));
    const outcome = await runCheck(trial);
    expect(outcome).toMatchObject({
      ...exhausted,
      output: expect.stringMatching(/^a pooled connection did not answer/),
    });
    expect(await runCheck(trial)).toMatchObject({ status: 'pass' });
  });

  it('passes if the server has closed the idle connections of the pool', async () => {
    const proxy = await TcpProxy.start({ to: server.port });
    closing.push(() => proxy.stop());
    const trial = check(poolOf({ connectionString: server.url({ port: proxy.port }) }));
    await runCheck(trial);
    proxy.cut();
    expect(await runCheck(trial)).toMatchObject({ status: 'pass' });
  });

  it('fails with pool-exhausted if the pool gives up first, or is closed', async () => {
    const pool = poolOf({ connectionTimeoutMillis: 300, max: 1 });
    const trial = check(pool);
    const taken = await take(pool);
    const outcome = await runCheck(trial);
    expect(outcome).toMatchObject({ ...exhausted, output: 'timeout exceeded when trying to connect' });
    release(taken);
    await pool.end();
    expect(await runCheck(trial)).toMatchObject({ ...exhausted, output: expect.stringContaining('after calling end') });
  });

  it('fails like its server, without using the pool, and shows no password', async () => {
    const refused = poolOf({ connectionString: 'postgres://u:hunter2@127.0.0.1:1/' });
    expect(await runCheck(check(refused))).toMatchObject({ status: 'fail', reason: 'refused' });
    const denied = poolOf({ connectionString: server.url({ password: 'hunter2' }) });
    const made = check(denied);
    const outcome = await runCheck(made);
    expect(outcome).toMatchObject({ status: 'fail', reason: 'auth' });
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
    expect(made.secrets).toContain('hunter2');
    expect([refused.totalCount, denied.totalCount]).toEqual([0, 0]);
    const parts = poolOf({
      connectionString: undefined,
      host: '127.0.0.1',
      port: server.port,
      user: 'postgres',
      database: 'postgres',
      password: 'postgres',
    });
    expect(await runCheck(check(parts))).toMatchObject({ status: 'pass' });
  });

  it('warns if the server is at its limit, but a pooled connection answers', async () => {
    const pool = poolOf({ max: 1 });
    await pool.query('SELECT 1');
    const filler = poolOf({ max: 100 });
    try {
      for (;;) await take(filler);
    } catch (error) {
      expect((error as { code: string }).code).toBe('53300');
    }
    const outcome = await runCheck(check(pool));
    expect(outcome).toMatchObject({
      status: 'warn',
      reason: 'too-many-connections',
      output: expect.stringMatching(/; a pooled connection still answers$/),
    });
  });
});
