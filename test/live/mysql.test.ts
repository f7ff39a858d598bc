import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Connection, createConnection } from 'mysql2/promise';
import { type MysqlOptions, mysqlCheck } from '../../src/checks/mysql/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { MariaDb } from './mariadb.js';
import { ownServer } from './own-server.js';
import { TcpProxy } from './proxy.js';
import { runCheck } from './run-check.js';

const MAX_CONNECTIONS = 10;
const itOwnServer = ownServer('TEST_MYSQL_URL');

describe('the MySQL check', () => {
  let mariadb: MariaDb;
  beforeAll(async () => {
    mariadb = await MariaDb.start({ args: [`--max-connections=${MAX_CONNECTIONS}`] });
    if (!mariadb.own) return;
    await mariadb.query(
      "CREATE USER app@'127.0.0.1' IDENTIFIED BY 'p4ss-w0rd'",
      "CREATE USER other@'127.0.0.1' IDENTIFIED BY 'else'",
      "GRANT ALL ON *.* TO app@'127.0.0.1'",
    );
  }, 60_000);
  afterAll(() => mariadb.stop());

  /** What a test opens. Closed after the test. */
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  function check(options: Partial<MysqlOptions> = {}): CheckDefinition {
    const made = mysqlCheck({ url: mariadb.url(), timeout: 1500, ...options });
    closing.push(() => made.close?.());
    return made;
  }

  /** Takes all connections available to ordinary users. */
  async function takeAllConnections(): Promise<Connection[]> {
    const taken: Connection[] = [];
    closing.push(() => taken.map((connection) => connection.destroy()));
    while (taken.length < MAX_CONNECTIONS) {
      try {
        taken.push(await createConnection({ uri: mariadb.url({ user: 'other', password: 'else' }) }));
      } catch (error) {
        // The connection of an earlier test may not have ended yet.
        expect((error as { errno: number }).errno).toBe(1040);
      }
    }
    return taken;
  }

  /**
   * Resolves when the server counts at most this many connections, including that of the query itself. Returns the
   * number of queries.
   */
  async function connectionsFallTo(count: number): Promise<number> {
    let queries = 1;
    for (; (await mariadb.status('Threads_connected')) > count; queries++) await new Promise(setImmediate);
    return queries;
  }

  const timedOut = { status: 'fail', reason: 'timeout' };
  const well = { status: 'pass', observedValue: { readOnly: false } };

  describe('of a working server', () => {
    it('passes, and reports whether the server is read-only', async () => {
      expect(await runCheck(check())).toMatchObject(well);
    });

    itOwnServer('reports that the server has become read-only, and passes', async () => {
      const trial = check();
      closing.push(() => mariadb.query('SET GLOBAL read_only = 0'));
      await mariadb.query('SET GLOBAL read_only = 1');
      expect(await runCheck(trial)).toMatchObject({ status: 'pass', observedValue: { readOnly: true } });
    });

    itOwnServer('sends one query per run on one connection, and leaves nothing behind', async () => {
      await connectionsFallTo(1);
      const aborted = await mariadb.status('Aborted_clients');
      const trial = check();
      await runCheck(trial);
      const [questions, connections] = [await mariadb.status('Questions'), await mariadb.status('Connections')];
      for (let run = 0; run < 20; run++) expect(await runCheck(trial)).toMatchObject(well);
      // In addition, each read of a counter is a query on its own connection.
      expect(await mariadb.status('Questions')).toBe(questions + 20 + 2);
      expect(await mariadb.status('Connections')).toBe(connections + 2);
      // The server may still count the connection of an earlier query.
      let queries = 2 + 2 + 2 + (await connectionsFallTo(2));
      await trial.close?.();
      queries += await connectionsFallTo(1);
      // The connections of these queries count as aborted, but that of the check does not.
      expect(await mariadb.status('Aborted_clients')).toBeLessThanOrEqual(aborted + queries);
    });
  });

  describe('of a frozen server', () => {
    afterEach(() => mariadb.restart());

    itOwnServer(
      'fails with timeout at each deadline, releases its connection, and passes when the server continues',
      async () => {
        const trial = check({ timeout: 200 });
        await runCheck(trial);
        await mariadb.freeze();
        for (let run = 0; run < 4; run++) {
          const outcome = await runCheck(trial);
          expect(outcome).toMatchObject(timedOut);
          expect(outcome.ms).toBeGreaterThanOrEqual(199);
        }
        mariadb.thaw();
        const again = mysqlCheck({ url: mariadb.url(), timeout: 5000 });
        closing.push(() => again.close?.());
        expect(await runCheck(again)).toMatchObject(well);
        expect(await runCheck(trial)).toMatchObject(well);
      },
    );

    itOwnServer('makes no more than one connection in any number of runs', async () => {
      const proxy = await TcpProxy.start({ to: mariadb.port });
      closing.push(() => proxy.stop());
      const trial = check({ url: mariadb.url({ port: proxy.port }), timeout: 20 });
      await mariadb.freeze();
      for (let run = 0; run < 30; run++) expect(await runCheck(trial)).toMatchObject(timedOut);
      expect(proxy.accepted).toBe(1);
      expect(proxy.connections).toBe(1);
      await trial.close?.();
    });
  });

  describe('of a server that ends', () => {
    afterEach(async () => {
      if (mariadb.own) await mariadb.restart();
    });

    itOwnServer('fails with refused, immediately, and passes in the next run after the restart', async () => {
      const trial = check();
      await runCheck(trial);
      await mariadb.kill();
      for (let run = 0; run < 3; run++) {
        const outcome = await runCheck(trial);
        expect(outcome).toMatchObject({ status: 'fail', reason: 'refused' });
      }
      await mariadb.restart();
      expect(await runCheck(trial)).toMatchObject(well);
    });

    itOwnServer('passes if the server was restarted between two runs', async () => {
      const trial = check();
      await runCheck(trial);
      await mariadb.restart();
      expect(await runCheck(trial)).toMatchObject(well);
    });

    itOwnServer('fails with refused when it is killed while it is frozen and a handshake waits', async () => {
      const trial = check({ timeout: 200 });
      await mariadb.freeze();
      expect(await runCheck(trial)).toMatchObject(timedOut);
      await mariadb.kill();
      expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: expect.stringMatching(/refused|reset/) });
      expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'refused' });
      await mariadb.restart();
      expect(await runCheck(trial)).toMatchObject(well);
    });

    it('passes over a connection that was reset between two runs', async () => {
      const proxy = await TcpProxy.start({ to: mariadb.port });
      closing.push(() => proxy.stop());
      const trial = check({ url: mariadb.url({ port: proxy.port }) });
      await runCheck(trial);
      proxy.cut();
      expect(await runCheck(trial)).toMatchObject(well);
      expect(proxy.accepted).toBe(2);
    });

    it('fails with timeout if the server no longer responds, and passes on another connection', async () => {
      const proxy = await TcpProxy.start({ to: mariadb.port });
      closing.push(() => proxy.stop());
      const trial = check({ url: mariadb.url({ port: proxy.port }), timeout: 300 });
      await runCheck(trial);
      proxy.freeze();
      expect(await runCheck(trial)).toMatchObject(timedOut);
      proxy.thaw();
      expect(await runCheck(trial)).toMatchObject(well);
    });
  });

  describe('of a server with few connections', () => {
    itOwnServer('fails with too-many-connections if none is free', async () => {
      const taken = await takeAllConnections();
      const trial = check({ url: mariadb.url({ user: 'other', password: 'else' }) });
      expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'too-many-connections' });
      await taken.pop()?.end();
      // The server decrements its count with a delay.
      let outcome = await runCheck(trial);
      while (outcome.reason === 'too-many-connections') outcome = await runCheck(trial);
      expect(outcome).toMatchObject(well);
    });
  });

  describe('of a server that refuses the login', () => {
    const denied = { status: 'fail', reason: 'auth' };

    it('fails with auth and shows no password', async () => {
      const outcome = await runCheck(check({ url: mariadb.url({ user: 'app', password: 'wr0ng-p4ss' }) }));
      expect(outcome).toMatchObject({ ...denied, output: expect.stringContaining('Access denied') });
      expect(JSON.stringify(outcome)).not.toContain('wr0ng');
    });

    it('fails with auth for a database that does not exist', async () => {
      const url = new URL(mariadb.url());
      url.pathname = '/nowhere';
      expect(await runCheck(check({ url: url.href }))).toMatchObject({
        ...denied,
        output: expect.stringContaining('nowhere'),
      });
    });

    itOwnServer('passes when the credentials are valid', async () => {
      const trial = check({ url: mariadb.url({ user: 'late', password: 'come' }) });
      expect(await runCheck(trial)).toMatchObject(denied);
      await mariadb.query("CREATE USER late@'127.0.0.1' IDENTIFIED BY 'come'");
      expect(await runCheck(trial)).toMatchObject(well);
    });
  });

  describe('of another kind of server', () => {
    it('fails with dns if the name does not exist', async () => {
      expect(await runCheck(check({ url: 'mysql://u@no-such-host.invalid/', timeout: 5000 }))).toMatchObject({
        status: 'fail',
        reason: 'dns',
      });
    });
  });
});
