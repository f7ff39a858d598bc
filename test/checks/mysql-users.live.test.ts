import { afterAll, afterEach, beforeAll, describe, expect, jest } from '@jest/globals';
import { type Connection, createConnection, createPool, type Pool } from 'mysql2/promise';
import { type MysqlOptions, mysqlCheck } from '../../src/checks/mysql/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { FakeClock } from '../fake-clock.js';
import { MariaDb } from '../live/mariadb.js';
import { ownServer } from '../live/own-server.js';
import { TcpProxy } from '../live/proxy.js';
import { runCheck } from '../live/run-check.js';

const itOwnServer = ownServer('TEST_MYSQL_URL');
const password = 'p4ss-w0rd';

describe('a MySQL check with a user that has a limit', () => {
  let mariadb: MariaDb;
  let proxy: TcpProxy;
  let clock: FakeClock;
  let users = 0;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    mariadb = await MariaDb.start({ args: ['--max-user-connections=2', '--max-connections=12'] });
    proxy = await TcpProxy.start({ to: mariadb.port });
    clock = new FakeClock();
  }, 60_000);
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    await proxy.stop();
    await mariadb.stop();
  });

  /** Creates a user, none of whose connections the server has counted. */
  const userWith = async (limit: string) => {
    const user = `user${++users}`;
    await mariadb.query(`CREATE USER ${user}@'127.0.0.1' IDENTIFIED BY '${password}' WITH ${limit}`);
    return user;
  };
  const checkOf = (options: MysqlOptions): CheckDefinition => {
    const check = mysqlCheck({ timeout: 3000, ...options }, clock);
    closing.push(() => check.close?.());
    return check;
  };
  const checkAs = (user: string, more: object = {}) =>
    checkOf({ url: mariadb.url({ user, password, port: proxy.port }), ...more });
  const connectAs = async (user: string): Promise<Connection> => {
    const connection = await createConnection({ uri: mariadb.url({ user, password }) });
    closing.push(() => connection.destroy());
    return connection;
  };
  const poolAs = (user: string, connectionLimit: number): Pool => {
    const pool = createPool({ uri: mariadb.url({ user, password }), connectionLimit });
    closing.push(() => pool.end());
    return pool;
  };

  itOwnServer('passes with the only connection that the user may have, and renews it every 10 s', async () => {
    const random = jest.spyOn(Math, 'random').mockReturnValue(0);
    closing.push(() => random.mockRestore());
    const check = checkAs(await userWith('MAX_USER_CONNECTIONS 1'));
    const before = proxy.accepted;
    for (let run = 0; run < 50; run++) {
      expect(await runCheck(check)).toMatchObject({ status: 'pass', observedValue: { readOnly: false } });
      clock.jump(1000);
    }
    // One connection every 10 s, and the one that found the limit.
    expect(proxy.accepted - before).toBe(5 + 1);
    expect(proxy.connections).toBe(1);
  });

  itOwnServer('passes with the last connection available to the user, or to any user', async () => {
    const user = await userWith('MAX_USER_CONNECTIONS 3');
    await connectAs(user);
    await connectAs(user);
    // Another user has only the limit of the server, which causes another error.
    const other = await userWith('MAX_QUERIES_PER_HOUR 0');
    await connectAs(other);
    for (const check of [checkAs(user), checkAs(other)]) {
      for (let run = 0; run < 10; run++) {
        expect(await runCheck(check)).toMatchObject({ status: 'pass' });
        clock.jump(4000);
      }
    }
  });

  itOwnServer('fails if others use all connections of the user, and passes when one is free', async () => {
    const user = await userWith('MAX_USER_CONNECTIONS 1');
    const taken = await connectAs(user);
    const check = checkAs(user);
    expect(await runCheck(check)).toMatchObject({ status: 'fail', reason: 'too-many-connections' });
    await taken.end();
    let outcome = await runCheck(check);
    while (outcome.reason === 'too-many-connections') outcome = await runCheck(check);
    expect(outcome).toMatchObject({ status: 'pass' });
  });

  itOwnServer('does not warn about an hourly connection limit that it has reached itself', async () => {
    const check = checkAs(await userWith('MAX_CONNECTIONS_PER_HOUR 3'));
    const before = proxy.accepted;
    for (let run = 0; run < 120; run++) {
      expect(await runCheck(check)).toMatchObject({ status: 'pass' });
      clock.jump(1000);
    }
    expect(proxy.accepted - before).toBe(3 + 1);
  });

  itOwnServer('uses one connection if the server has only two left', async () => {
    const user = await userWith('MAX_USER_CONNECTIONS 5');
    const taken = await Promise.all(Array.from({ length: 5 }, () => connectAs(user)));
    const root = await createConnection({ uri: mariadb.url() });
    closing.push(() => root.destroy());
    const others = await Promise.all(Array.from({ length: 4 }, () => createConnection({ uri: mariadb.url() })));
    closing.push(() => others.map((connection) => connection.destroy()));
    const check = checkAs(await userWith('MAX_USER_CONNECTIONS 2'));
    for (let run = 0; run < 20; run++) {
      expect(await runCheck(check)).toMatchObject({ status: 'pass' });
      clock.jump(3000);
      const [[row]] = (await root.query("SHOW STATUS LIKE 'Threads_connected'")) as unknown as [[{ Value: string }]];
      expect(Number(row.Value)).toBeLessThanOrEqual(taken.length + others.length + 1 + 2);
    }
  });

  itOwnServer('leaves the only connection of the user to the application’s pool', async () => {
    const user = await userWith('MAX_USER_CONNECTIONS 1');
    const pool = poolAs(user, 1);
    const check = checkOf({ pool });
    for (let run = 0; run < 12; run++) {
      expect(await runCheck(check)).toMatchObject({ status: 'pass' });
      await pool.query('SELECT 1');
      clock.jump(4000);
    }
    const demanding = checkOf({ pool, role: 'primary' });
    expect(await runCheck(demanding)).toMatchObject({ status: 'warn', reason: 'too-many-connections' });
  });

  itOwnServer('passes beside a pool that leaves it one connection of the user', async () => {
    const pool = poolAs(await userWith('MAX_USER_CONNECTIONS 2'), 1);
    const check = checkOf({ pool });
    for (let run = 0; run < 12; run++) {
      expect(await runCheck(check)).toMatchObject({ status: 'pass', observedUnit: 'connections' });
      clock.jump(4000);
    }
  });

  itOwnServer('warns if the pool may grow but the user has no connection left', async () => {
    const user = await userWith('MAX_USER_CONNECTIONS 1');
    const pool = poolAs(user, 4);
    await pool.query('SELECT 1');
    expect(await runCheck(checkOf({ pool }))).toMatchObject({ status: 'warn', reason: 'too-many-connections' });
  });
});

describe('a MySQL check with a user that logs in with ed25519', () => {
  let mariadb: MariaDb;
  beforeAll(async () => {
    mariadb = await MariaDb.start();
  }, 60_000);
  afterAll(() => mariadb.stop());

  itOwnServer('fails with auth and names the method', async () => {
    await mariadb.query(
      "INSTALL SONAME 'auth_ed25519'",
      `CREATE USER modern@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('${password}')`,
    );
    const check = mysqlCheck({ url: mariadb.url({ user: 'modern', password }), timeout: 3000 });
    const outcome = await runCheck(check);
    await check.close?.();
    expect(outcome).toMatchObject({
      status: 'fail',
      reason: 'auth',
      output: expect.stringMatching(
        /^the user authenticates with client_ed25519, which mysql2 does not support: use mysql_native_password or caching_sha2_password; next attempt in 30 s, /,
      ),
    });
  });
});
