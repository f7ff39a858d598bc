import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type PostgresAddressOptions, postgresCheck } from '../../src/checks/postgres/index.js';
import type { CheckDefinition, CheckResult } from '../../src/health/check.js';
import { FakeClock } from '../fake-clock.js';
import { PostgresServer } from '../live/postgres.js';
import { runCheck } from '../live/run-check.js';

describe('the postgres check of a replica', () => {
  let primary: PostgresServer;
  let replica: PostgresServer;
  beforeAll(async () => {
    primary = await PostgresServer.start();
    replica = await PostgresServer.start({ primary });
    await primary.query('CREATE TABLE t (a int)');
    await until("to_regclass('t') IS NOT NULL");
  }, 60_000);
  afterAll(async () => {
    await replica.stop();
    await primary.stop();
  });

  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  function check(options: Partial<PostgresAddressOptions> = {}, clock?: FakeClock): CheckDefinition {
    const made = postgresCheck({ url: replica.url(), timeout: 5000, ...options }, clock);
    closing.push(() => made.close?.());
    return made;
  }

  /** Runs a check on its own clock, with which nothing times out. */
  async function runAt(clock: FakeClock, made: CheckDefinition): Promise<CheckResult> {
    return made.run(new AbortController().signal, clock.now() + 60_000, 0, () => clock.now() + 60_000);
  }

  const until = async (sql: string) => {
    while (!(await replica.query(`SELECT ${sql} AS met`))[0]?.met);
  };

  it('passes, and fails with role if a primary is required, and vice versa', async () => {
    expect(await runCheck(check())).toMatchObject({ status: 'pass', observedValue: { role: 'replica' } });
    expect(await runCheck(check({ role: 'replica' }))).toMatchObject({ status: 'pass' });
    expect(await runCheck(check({ role: 'primary' }))).toMatchObject({
      status: 'fail',
      reason: 'role',
      output: 'the server is a replica, not a primary',
    });
    const reverse = await runCheck(check({ url: primary.url(), role: 'replica' }));
    expect(reverse).toMatchObject({ status: 'fail', reason: 'role' });
  });

  it('has no lag on a primary', async () => {
    const outcome = await runCheck(check({ url: primary.url(), maxLag: 0 }));
    expect(outcome).toMatchObject({ status: 'pass', observedValue: { role: 'primary' } });
  });

  it('has a lag of 0 while the primary writes nothing, and fails with lag while it replays nothing', async () => {
    await primary.query('INSERT INTO t VALUES (1)');
    await until('(SELECT count(*) > 0 FROM t)');
    await until("clock_timestamp() > pg_last_xact_replay_timestamp() + interval '20 ms'");
    const trial = check({ maxLag: 10 });
    await until('pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn()');
    expect(await runCheck(trial)).toMatchObject({
      status: 'pass',
      observedValue: { role: 'replica', lag: 0 },
      observedUnit: { lag: 's' },
    });
    await replica.query('SELECT pg_wal_replay_pause()');
    closing.push(() => replica.query('SELECT pg_wal_replay_resume()'));
    await until("pg_get_wal_replay_pause_state() = 'paused'");
    await primary.query('INSERT INTO t VALUES (2)');
    await until('pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()');
    const outcome = await runCheck(trial);
    expect(outcome).toMatchObject({ status: 'fail', reason: 'lag', observedUnit: { lag: 's' } });
    expect(outcome.output).toMatch(/^[\d.]+ s behind its primary, limit: 0.01 s$/);
    // Reading the lag requires no privilege.
    await primary.query("CREATE ROLE weak LOGIN PASSWORD 'weak'");
    await replica.query('SELECT pg_wal_replay_resume()');
    await until("EXISTS (SELECT FROM pg_roles WHERE rolname = 'weak')");
    await until('pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn()');
    const weak = check({ url: replica.url({ user: 'weak', password: 'weak' }), maxLag: 10_000 });
    expect(await runCheck(weak)).toMatchObject({ status: 'pass', observedUnit: { lag: 's' } });
  });

  it('warns with master-down after the loss of the primary, fails after maxLag, and recovers', async () => {
    const clock = new FakeClock();
    const trial = check({ maxLag: 3_600_000 }, clock);
    const strict = check({ maxLag: 5000 }, clock);
    await until('pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn()');
    for (const each of [trial, strict]) expect(await runAt(clock, each)).toMatchObject({ status: 'pass' });
    await primary.kill();
    await until('NOT EXISTS (SELECT FROM pg_stat_wal_receiver)');
    expect(await runAt(clock, trial)).toMatchObject({ status: 'warn', reason: 'master-down' });
    // The last transaction has a time from the real clock, so only the time since the known lag advances here.
    await clock.advance(4_000_000);
    const outcome = await runAt(clock, trial);
    expect(outcome).toMatchObject({
      reason: 'master-down',
      output: expect.stringMatching(/^the replica receives no WAL, the lag is at most \d+ s$/),
    });
    const unread = await runAt(clock, check({ maxLag: 0 }, clock));
    expect(unread).toMatchObject({ status: 'fail', reason: 'master-down' });
    await primary.restart();
    await until('EXISTS (SELECT FROM pg_stat_wal_receiver)');
    await until('pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn()');
    expect(await runAt(clock, strict)).toMatchObject({ status: 'pass', observedValue: { role: 'replica', lag: 0 } });
  });

  it('fails with loading while the server does not accept connections yet', async () => {
    const cold = await PostgresServer.start({ primary, settings: ['hot_standby=off'] });
    closing.push(() => cold.stop());
    expect(await runCheck(check({ url: cold.url() }))).toMatchObject({ status: 'fail', reason: 'loading' });
  });

  it('is the primary after a promotion', async () => {
    const promoted = await PostgresServer.start({ primary });
    closing.push(() => promoted.stop());
    const trial = check({ url: promoted.url(), role: 'primary' });
    expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'role' });
    await promoted.query('SELECT pg_promote()');
    expect(await runCheck(trial)).toMatchObject({ status: 'pass', observedValue: { role: 'primary' } });
  });
});
