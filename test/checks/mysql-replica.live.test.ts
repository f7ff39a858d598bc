import { afterAll, afterEach, beforeAll, describe, expect } from '@jest/globals';
import { type MysqlOptions, type MysqlUrlOptions, mysqlCheck } from '../../src/checks/mysql/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import type { MariaDb } from '../live/mariadb.js';
import { replicaSays, startMariaDbPair } from '../live/mariadb-pair.js';
import { ownServer } from '../live/own-server.js';
import { runCheck } from '../live/run-check.js';

const itOwnServer = ownServer('TEST_MYSQL_URL');
const HOUR_MS = 3_600_000;

describe('a MySQL check of a primary and its replica', () => {
  let primary: MariaDb;
  let replica: MariaDb;
  beforeAll(async () => {
    if (process.env.TEST_MYSQL_URL) return;
    ({ primary, replica } = await startMariaDbPair());
  }, 60_000);
  afterAll(() => Promise.all([primary?.stop(), replica?.stop()]));

  /** What a test opens or changes. Undone after the test. */
  const undoing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const undo of undoing.splice(0).reverse()) await undo();
  });

  function check(server: MariaDb, options: Partial<MysqlUrlOptions> = {}): CheckDefinition {
    const made = mysqlCheck({ url: server.url(), timeout: 1500, ...options } as MysqlOptions);
    undoing.push(() => made.close?.());
    return made;
  }

  const readOnly = (value: number) => replica.query(`SET GLOBAL read_only = ${value}`);
  /** Resolves when the check passes. A replica that reports 0 may first have to read older events. */
  const passes = async (trial: CheckDefinition) => {
    let outcome = await runCheck(trial);
    while (outcome.status !== 'pass') outcome = await runCheck(trial);
    expect(outcome).toMatchObject({ observedUnit: { lag: 's' } });
  };
  const writable = { readOnly: false };
  const behind = { status: 'fail', reason: 'lag' };

  itOwnServer(
    'fails with read-only if a primary is required, follows a switchover, and passes if none is required',
    async () => {
      const [wanted, any] = [check(replica, { role: 'primary' }), check(replica)];
      expect(await runCheck(check(primary, { role: 'primary' }))).toMatchObject({
        status: 'pass',
        observedValue: writable,
      });
      undoing.push(() => readOnly(0));
      await readOnly(1);
      expect(await runCheck(wanted)).toMatchObject({
        status: 'fail',
        reason: 'read-only',
        observedValue: { readOnly: true },
      });
      expect(await runCheck(any)).toMatchObject({ status: 'pass', observedValue: { readOnly: true } });
      await readOnly(0);
      expect(await runCheck(wanted)).toMatchObject({ status: 'pass', observedValue: writable });
      expect(await runCheck(any)).toMatchObject({ status: 'pass', observedValue: writable });
    },
  );

  itOwnServer('passes with the lag in seconds if it is allowed, and as usual for a primary', async () => {
    const trial = check(replica, { maxLag: 0 });
    await passes(trial);
    expect(await runCheck(trial)).toMatchObject({
      status: 'pass',
      observedValue: { readOnly: false, lag: 0 },
      observedUnit: { lag: 's' },
    });
    expect(await runCheck(check(primary, { maxLag: 0 }))).toMatchObject({ status: 'pass', observedValue: writable });
  });

  itOwnServer('fails with lag for a replica that is too far behind, and passes when it has caught up', async () => {
    const delayed = (seconds: number) =>
      replica.query('STOP SLAVE', `CHANGE MASTER TO MASTER_DELAY = ${seconds}`, 'START SLAVE');
    const [strict, lenient] = [check(replica, { maxLag: 5000 }), check(replica, { maxLag: HOUR_MS })];
    await delayed(1800);
    undoing.push(() => delayed(0));
    await primary.query('SET timestamp = UNIX_TIMESTAMP() - 100', 'CREATE DATABASE late');
    await replicaSays(replica, ({ Seconds_Behind_Master: lag }) => Number(lag) >= 100);
    const outcome = await runCheck(strict);
    expect(outcome).toMatchObject({
      ...behind,
      observedUnit: { lag: 's' },
      output: expect.stringMatching(/^\d{3} s behind its primary, limit: 5 s$/),
    });
    expect((outcome.observedValue as { lag: number }).lag).toBeGreaterThanOrEqual(100);
    expect((await runCheck(lenient)).status).toBe('pass');
    expect((await runCheck(check(replica))).status).toBe('pass');
    await delayed(0);
    await replicaSays(replica, ({ Seconds_Behind_Master: lag }) => lag === 0);
    await passes(strict);
  });

  itOwnServer('reports that replication has stopped, and warns until the lag may exceed its limit', async () => {
    const [strict, lenient] = [check(replica, { maxLag: 0 }), check(replica, { maxLag: HOUR_MS })];
    for (const trial of [strict, lenient]) await passes(trial);
    await replica.query('STOP SLAVE SQL_THREAD');
    undoing.push(() => replica.query('START SLAVE'));
    const output = expect.stringMatching(
      /^replication has stopped, the lag is at most \d+ s \(IO thread: Yes.*SQL thread: No/,
    );
    expect(await runCheck(strict)).toMatchObject({ ...behind, output });
    expect(await runCheck(lenient)).toMatchObject({ status: 'warn', reason: 'lag', output });
    // A check that has never known the lag.
    const second = await runCheck(check(replica, { maxLag: HOUR_MS }));
    expect(second).toMatchObject({ ...behind, output: expect.stringMatching(/the lag is unknown/) });
    await replica.query('START SLAVE');
    await replicaSays(replica, ({ Seconds_Behind_Master: lag }) => lag === 0);
    for (const trial of [strict, lenient]) await passes(trial);
  });

  itOwnServer('shows nothing of the row at which replication has stopped', async () => {
    const trial = check(replica, { maxLag: 0 });
    await primary.query('CREATE DATABASE shop', 'CREATE TABLE shop.card (number BIGINT PRIMARY KEY)');
    const written = async () => (await primary.query('SELECT @@gtid_current_pos AS at'))[0]?.at;
    const caughtUp = await written();
    while ((await replica.query('SELECT @@gtid_slave_pos AS at'))[0]?.at !== caughtUp) continue;
    await replica.query('INSERT INTO shop.card VALUES (4111111111111111)');
    await primary.query('INSERT INTO shop.card VALUES (4111111111111111)');
    undoing.push(async () => {
      await replica.query('DELETE FROM shop.card', 'START SLAVE');
      await replicaSays(replica, ({ Seconds_Behind_Master: lag }) => lag === 0);
    });
    await replicaSays(replica, ({ Last_SQL_Error: error }) => String(error).includes('4111'));
    const outcome = await runCheck(trial);
    expect(outcome).toMatchObject({ ...behind, output: expect.stringMatching(/SQL thread: No, error 1062\)$/) });
    expect(JSON.stringify(outcome)).not.toContain('4111');
  });

  itOwnServer('warns if the user may not read the lag', async () => {
    await replica.query("CREATE USER blind@'127.0.0.1'");
    undoing.push(() => replica.query("DROP USER blind@'127.0.0.1'"));
    const trial = check(replica, { url: replica.url({ user: 'blind' }), maxLag: 0 });
    for (let run = 0; run < 2; run++) {
      expect(await runCheck(trial)).toMatchObject({
        status: 'warn',
        reason: 'lag',
        output: expect.stringMatching(/^the lag could not be read: Access denied/),
      });
    }
  });

  itOwnServer('reports master-down for a replica whose primary was killed, and passes when it is back', async () => {
    const [strict, lenient] = [check(replica, { maxLag: 0 }), check(replica, { maxLag: HOUR_MS })];
    for (const trial of [strict, lenient]) await passes(trial);
    await primary.kill();
    await replicaSays(replica, ({ Slave_IO_Running: io }) => io === 'Connecting');
    const output = expect.stringMatching(
      /^the replica has lost its primary, the lag is at most \d+ s \(IO thread: Connecting/,
    );
    expect(await runCheck(strict)).toMatchObject({ status: 'fail', reason: 'master-down', output });
    expect(await runCheck(lenient)).toMatchObject({ status: 'warn', reason: 'master-down', output });
    expect((await runCheck(check(replica))).status).toBe('pass');
    await primary.restart();
    await replicaSays(replica, ({ Seconds_Behind_Master: lag }) => lag === 0);
    for (const trial of [strict, lenient]) await passes(trial);
  });
});
