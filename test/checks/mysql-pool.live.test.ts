import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createPool as createCallbackPool } from 'mysql2';
import { createPool, type Pool, type PoolOptions } from 'mysql2/promise';
import { mysqlCheck } from '../../src/checks/mysql/index.js';
import type { MysqlPool } from '../../src/checks/mysql/pool.js';
import { connect } from '../../src/client.js';
import type { CheckDefinition, CheckSettings } from '../../src/health/check.js';
import { createService } from '../../src/service/service.js';
import { MariaDb } from '../live/mariadb.js';
import { ownServer } from '../live/own-server.js';
import { TcpProxy } from '../live/proxy.js';
import { runCheck } from '../live/run-check.js';

const itOwnServer = ownServer('TEST_MYSQL_URL');

/** Internal members of the driver. */
interface Core {
  _connectionQueue: { length: number; get(index: number): unknown };
  _allConnections: { length: number };
}
const coreOf = (pool: Pool) => (pool as unknown as { pool: Core }).pool;
const waitingIn = (pool: Pool) => coreOf(pool)._connectionQueue.length;

describe('a MySQL check of the application’s pool', () => {
  let mariadb: MariaDb;
  beforeAll(async () => {
    mariadb = await MariaDb.start();
  }, 60_000);
  afterAll(() => mariadb.stop());

  /** What a test opens. Closed after the test. */
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  function poolOf(options: PoolOptions = {}): Pool {
    const pool = createPool({ uri: mariadb.url(), connectionLimit: 2, ...options });
    closing.push(() => pool.end());
    return pool;
  }

  function check(pool: MysqlPool, settings: CheckSettings = {}): CheckDefinition {
    const made = mysqlCheck({ pool, timeout: 400, ...settings });
    closing.push(() => made.close?.());
    return made;
  }

  /** Makes each connection of the pool sleep. Resolves, once they all sleep, with a function that wakes them. */
  async function sleepOnAll(pool: Pool, count = 2): Promise<() => Promise<void>> {
    const marked = `SELECT SLEEP(30) /* ${Math.random()} */`;
    const sleeping = Array.from({ length: count }, () => pool.query(marked).catch(() => {}));
    const asleep = () => mariadb.query(`SELECT id FROM information_schema.processlist WHERE info = '${marked}'`);
    let ids = await asleep();
    while (ids.length < count) ids = await asleep();
    return async () => {
      for (const { id, ID = id } of ids) await mariadb.query(`KILL QUERY ${ID}`);
      await Promise.all(sleeping);
    };
  }

  const well = (counts: object) => ({
    status: 'pass',
    observedValue: counts,
    observedUnit: 'connections',
  });
  const exhausted = { status: 'fail', reason: 'pool-exhausted' };

  it('passes with the counts of the pool, with promises or callbacks, and returns what it borrowed', async () => {
    const pool = poolOf();
    for (let run = 0; run < 3; run++) {
      expect(await runCheck(check(pool))).toMatchObject(well({ limit: 2, inUse: 0, free: 1, waiting: 0 }));
    }
    const callbacks = createCallbackPool({ uri: mariadb.url(), connectionLimit: 3 });
    closing.push(() => new Promise((resolve) => callbacks.end(resolve)));
    expect(await runCheck(check(callbacks))).toMatchObject(well({ limit: 3, inUse: 0, free: 1, waiting: 0 }));
  });

  it('reports pool-exhausted while a plain check passes, and recovers with the pool', async () => {
    const pool = poolOf();
    const service = createService({
      listen: [{ url: 'pong://127.0.0.1:0' }],
      http: false,
      checks: { app: mysqlCheck({ pool, timeout: 500 }), plain: mysqlCheck({ url: mariadb.url(), timeout: 500 }) },
    });
    closing.push(() => service.stop());
    await service.start();
    const client = await connect(service.addresses[0] as string);
    closing.push(() => client.close());
    const found = async () => {
      const { report } = await client.ping({ detail: true, maxAge: 0, timeout: 1500 });
      const { app, plain } = (report?.checks ?? {}) as Record<string, [{ state: string; reason?: string }] | undefined>;
      return { app: app?.[0], plain: plain?.[0] };
    };
    let now = await found();
    while (now.app?.state !== 'pass') now = await found();
    const release = await sleepOnAll(pool);
    now = await found();
    expect(now.app).toMatchObject({ state: 'fail', reason: 'pool-exhausted' });
    expect(now.plain).toMatchObject({ state: 'pass' });
    expect(waitingIn(pool)).toBe(0);
    await release();
    while (now.app?.state !== 'pass') now = await found();
    expect(waitingIn(pool)).toBe(0);
  });

  it('leaves the queue when it ends, and keeps the order of the other requests', async () => {
    const pool = poolOf();
    const release = await sleepOnAll(pool);
    const served: string[] = [];
    // The order of queries on two connections would be unknown.
    const serve = async (name: string) => {
      const connection = await pool.getConnection();
      served.push(name);
      connection.release();
    };
    const before = serve('before');
    const queue = coreOf(pool)._connectionQueue;
    const first = queue.get(0);
    const running = runCheck(check(pool));
    while (waitingIn(pool) < 2) await wait(1);
    const after = serve('after');
    expect(waitingIn(pool)).toBe(3);
    const outcome = await running;
    expect(outcome).toMatchObject({
      ...exhausted,
      observedValue: { limit: 2, inUse: 2, free: 0, waiting: 2 },
      output: expect.stringMatching(/^the pool provided no connection \(2 of 2 in use, 3 waiting\) within \d+ ms/),
    });
    expect(waitingIn(pool)).toBe(2);
    expect(queue.get(0)).toBe(first);
    await release();
    await Promise.all([before, after]);
    expect(served).toEqual(['before', 'after']);
    expect(waitingIn(pool)).toBe(0);
  });

  it('also removes its request from the queue if a tracing library wraps the driver', async () => {
    const start = 'tracing:mysql2:pool:connect:start';
    let traced = 0;
    const trace = () => void traced++;
    subscribe(start, trace);
    closing.push(() => unsubscribe(start, trace));
    const pool = poolOf();
    const release = await sleepOnAll(pool);
    for (let run = 0; run < 3; run++) expect(await runCheck(check(pool))).toMatchObject(exhausted);
    expect(traced).toBe(2 + 3);
    expect(waitingIn(pool)).toBe(0);
    await release();
    expect((await runCheck(check(pool))).status).toBe('pass');
  });

  it('passes if a connection becomes available while it waits', async () => {
    const pool = poolOf();
    const release = await sleepOnAll(pool);
    const running = runCheck(check(pool, { timeout: 10_000 }));
    while (waitingIn(pool) < 1) await wait(1);
    await release();
    expect((await running).status).toBe('pass');
    expect(waitingIn(pool)).toBe(0);
  });

  it.each([
    ['that queues no request', { waitForConnections: false }, /^No connections available/],
    ['whose queue is full', { queueLimit: 1 }, /^Queue limit reached/],
  ])('reports pool-exhausted for a pool %s', async (_what, options, output) => {
    const pool = poolOf(options);
    const release = await sleepOnAll(pool);
    const waiter = pool.query('SELECT 1').catch(() => {});
    expect(await runCheck(check(pool))).toMatchObject({ ...exhausted, output: expect.stringMatching(output) });
    await release();
    await waiter;
    expect((await runCheck(check(pool))).status).toBe('pass');
  });

  it('reports pool-exhausted for a closed pool', async () => {
    const pool = createPool({ uri: mariadb.url() });
    await pool.end();
    expect(await runCheck(check(pool))).toMatchObject({ ...exhausted, output: 'Pool is closed.' });
  });

  it('reports pool-exhausted if connections of the pool no longer answer, and removes them from it', async () => {
    const proxy = await TcpProxy.start({ to: mariadb.port });
    closing.push(() => proxy.stop());
    // The check's own connection does not use the broken path.
    let through = proxy.port;
    const pool = poolOf({ port: proxy.port });
    const core = coreOf(pool) as Core & { config: { connectionConfig: { port: number } } };
    await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 1')]);
    expect(core._allConnections.length).toBe(2);
    core.config.connectionConfig = Object.create(core.config.connectionConfig, {
      port: { get: () => through },
    });
    through = mariadb.port;
    const trial = check(pool);
    proxy.freeze();
    const outcome = await runCheck(trial);
    expect(outcome).toMatchObject({
      ...exhausted,
      output: expect.stringMatching(/^a pooled connection did not answer within/),
    });
    expect(core._allConnections.length).toBe(1);
    expect(await runCheck(trial)).toMatchObject(exhausted);
    expect(core._allConnections.length).toBe(0);
    proxy.thaw();
    expect((await runCheck(trial)).status).toBe('pass');
  });

  itOwnServer('passes over connections of the pool that were closed by a restart of the server', async () => {
    const pool = poolOf();
    const trial = check(pool, { timeout: 1500 });
    await runCheck(trial);
    await mariadb.restart();
    expect((await runCheck(trial)).status).toBe('pass');
  });

  itOwnServer(
    'fails with refused for a stopped server and with timeout for a frozen one, and does not use the pool',
    async () => {
      const pool = poolOf();
      const trial = check(pool);
      expect((await runCheck(trial)).status).toBe('pass');
      await mariadb.freeze();
      for (let run = 0; run < 3; run++) expect(await runCheck(trial)).toMatchObject({ reason: 'timeout' });
      expect(coreOf(pool)._allConnections.length).toBe(1);
      expect(waitingIn(pool)).toBe(0);
      await mariadb.kill();
      await runCheck(trial);
      expect(await runCheck(trial)).toMatchObject({ reason: 'refused' });
      await mariadb.restart();
      expect((await runCheck(check(pool, { timeout: 1500 }))).status).toBe('pass');
    },
  );

  it('reports auth if the pool’s credentials are wrong, and shows none of them', async () => {
    const pool = poolOf({
      user: 'nobody',
      password: 'wr0ng-p4ss',
      uri: undefined as never,
      port: mariadb.port,
      host: mariadb.host,
    });
    const outcome = await runCheck(check(pool));
    expect(outcome).toMatchObject({ status: 'fail', reason: 'auth' });
    expect(JSON.stringify(outcome)).not.toContain('wr0ng');
  });

  itOwnServer('only warns if the server is full and the pool’s connections answer', async () => {
    const pool = poolOf({ user: 'app' });
    await mariadb.query("CREATE USER app@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1");
    await pool.query('SELECT 1');
    expect(await runCheck(check(pool))).toMatchObject({
      status: 'warn',
      reason: 'too-many-connections',
      output: expect.stringMatching(/a pooled connection still answers$/),
    });
  });
});

describe('options of a MySQL check of a pool', () => {
  it.each([
    [{ pool: undefined }, /url is missing/],
    [{ pool: null }, /pool is null; allowed: an object with getConnection\(\)/],
    [{ pool: {} }, /pool is an object; allowed: an object with getConnection\(\)/],
    [{ pool: {}, url: 'mysql://me:hush@x' }, /url is not a known option; allowed: .*pool/],
    [{ pool: {}, tls: {} }, /tls is not a known option/],
    [{ pool: {}, size: 3 }, /size is not a known option/],
  ])('refuses %j', (options, message) => {
    const make = () => mysqlCheck(options as never);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'PONGCHECK_CONFIG' }));
    expect(make).not.toThrow(/hush/);
  });
});
