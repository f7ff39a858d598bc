import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from '@jest/globals';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { mysqlCheck } from '../../src/checks/mysql/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { connectionTimes, spreadTimes } from '../checks/connection-times.js';
import { FakeClock } from '../fake-clock.js';
import { MariaDb } from './mariadb.js';
import { ownServer } from './own-server.js';
import { TcpProxy } from './proxy.js';
import { runCheck } from './run-check.js';

const MAX_CONNECTIONS = 10;
const itOwnServer = ownServer('TEST_MYSQL_URL');

describe('the new connections of a MySQL check', () => {
  const login = { user: 'app', password: 'p4ss-w0rd' };
  let mariadb: MariaDb;
  let proxy: TcpProxy;
  let clock: FakeClock;
  let trial: CheckDefinition;
  let taken: Connection[];

  beforeAll(async () => {
    mariadb = await MariaDb.start({ args: [`--max-connections=${MAX_CONNECTIONS}`] });
    if (mariadb.own) await mariadb.query("CREATE USER app@'127.0.0.1' IDENTIFIED BY 'p4ss-w0rd'");
  }, 60_000);
  afterAll(() => mariadb.stop());

  beforeEach(async () => {
    taken = [];
    clock = new FakeClock();
    proxy = await TcpProxy.start({ to: mariadb.port });
    trial = mysqlCheck({ url: mariadb.url({ ...login, port: proxy.port }), timeout: 1500 }, clock);
  });
  afterEach(async () => {
    for (const connection of taken) connection.destroy();
    await trial.close?.();
    await proxy.stop();
    if (mariadb.own) await connectionsFallTo(0);
  });

  /** Resolves when the server counts at most this many connections of the user. */
  async function connectionsFallTo(count: number): Promise<void> {
    const some = "SELECT 1 FROM information_schema.processlist WHERE user = 'app'";
    while ((await mariadb.query(some)).length > count) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Takes all connections available to ordinary users, except for `standing` connections of the check. */
  async function takeAllConnections(standing: number): Promise<void> {
    while (taken.length < MAX_CONNECTIONS - standing) {
      try {
        taken.push(await createConnection({ uri: mariadb.url(login) }));
      } catch (error) {
        // The connection of an earlier query may not have ended yet.
        expect((error as { errno: number }).errno).toBe(1040);
      }
    }
  }

  itOwnServer('are made every 10 s at different times, one at a time, and take the place of the old', async () => {
    const made: CheckDefinition[] = [];
    const make = (its: FakeClock) => {
      trial = mysqlCheck({ url: mariadb.url({ ...login, port: proxy.port }), timeout: 1500 }, its);
      made.push(trial);
      return trial;
    };
    expect(await connectionTimes(make, proxy)).toEqual(spreadTimes);
    await connectionsFallTo(2);
    await made[0]?.close?.();
  });

  itOwnServer('cost at most one query each, and are never counted as aborted', async () => {
    const watcher = await createConnection({ uri: mariadb.url() });
    taken.push(watcher);
    let looks = 0;
    const status = async (name: string) => {
      looks++;
      const [[row]] = await watcher.query<RowDataPacket[]>(`SHOW GLOBAL STATUS LIKE '${name}'`);
      return Number(row?.Value);
    };
    await runCheck(trial);
    while ((await status('Threads_connected')) > 2);
    const aborted = await status('Aborted_clients');
    const asked = await status('Questions');
    looks = 0;
    for (let run = 0; run < 5; run++) {
      clock.jump(20_000);
      expect(await runCheck(trial)).toMatchObject({ status: 'pass' });
    }
    while ((await status('Threads_connected')) > 2);
    // Each run sends one query and closes the previous connection.
    const questions = (await status('Questions')) - asked - looks;
    expect(questions).toBeGreaterThanOrEqual(5);
    expect(questions).toBeLessThanOrEqual(10);
    expect(await status('Aborted_clients')).toBe(aborted);
  });

  itOwnServer('warn if the server has no free connection, until it has one again', async () => {
    expect(await runCheck(trial)).toMatchObject({ status: 'pass' });
    await takeAllConnections(1);
    clock.jump(1000);
    expect(await runCheck(trial)).toMatchObject({ status: 'pass' });

    clock.jump(9000);
    for (let run = 0; run < 3; run++) {
      expect(await runCheck(trial)).toMatchObject({
        status: 'warn',
        reason: 'too-many-connections',
        output: expect.stringContaining('Too many connections'),
        observedValue: { readOnly: false },
      });
      clock.jump(1000);
    }
    await taken.pop()?.end();
    // The server decrements its count with a delay.
    let outcome = await runCheck(trial);
    while (outcome.reason === 'too-many-connections') outcome = await runCheck(trial);
    expect(outcome).toMatchObject({ status: 'pass' });
  });

  itOwnServer('fail the check if the existing connection no longer answers', async () => {
    await runCheck(trial);
    proxy.cut();
    await takeAllConnections(0);
    expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'too-many-connections' });
  });

  itOwnServer('detect a changed password, although the existing connection still answers', async () => {
    await runCheck(trial);
    await mariadb.query("ALTER USER app@'127.0.0.1' IDENTIFIED BY 'another'");
    expect(await runCheck(trial)).toMatchObject({ status: 'pass' });
    clock.jump(10_000);
    const outcome = await runCheck(trial);
    expect(outcome).toMatchObject({ status: 'fail', reason: 'auth' });
    expect(JSON.stringify(outcome)).not.toContain(login.password);
    await mariadb.query("ALTER USER app@'127.0.0.1' IDENTIFIED BY 'p4ss-w0rd'");
    expect(await runCheck(trial)).toMatchObject({ status: 'pass' });
  });
});
