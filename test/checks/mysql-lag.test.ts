import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ReplicaLag } from '../../src/checks/mysql/lag.js';
import type { MysqlSession } from '../../src/checks/mysql/session.js';
import { FakeClock, settle } from '../fake-clock.js';

type Rows = readonly Record<string, unknown>[];

/** A session with answers provided by the test. */
function scripted(answer: (sql: string) => Rows | Promise<Rows>) {
  const records = jest.fn(async (sql: string) => answer(sql));
  const end = jest.fn(async () => {});
  const destroy = jest.fn();
  return { records, end, destroy, session: { records, end, destroy } as unknown as MysqlSession };
}

const never = new AbortController().signal;
const refusal = (errno: number, message: string) => Object.assign(new Error(message), { errno });

describe('the lag of a replica', () => {
  let clock: FakeClock;
  beforeEach(() => {
    clock = new FakeClock();
  });

  const soon = () => clock.now() + 800;

  it('is queried with the statement that the server knows, and each unknown statement is tried only once', async () => {
    const modern = scripted((sql) => {
      if (sql !== 'SHOW REPLICA STATUS') throw refusal(1064, 'You have an error in your SQL syntax');
      return [{ Replica_IO_Running: 'Yes', Replica_SQL_Running: 'Yes', Seconds_Behind_Source: 7 }];
    });
    const lag = new ReplicaLag(5000, clock);
    for (let run = 0; run < 3; run++) {
      expect(await lag.evaluate(modern.session, never, soon())).toMatchObject({
        reason: 'lag',
        observedValue: { lag: 7 },
      });
    }
    expect(modern.records).toHaveBeenCalledTimes(1 + 3);
    const old = scripted((sql) => {
      if (sql !== 'SHOW SLAVE STATUS') throw refusal(1064, 'You have an error in your SQL syntax');
      return [{ Slave_IO_Running: 'Yes', Slave_SQL_Running: 'Yes', Seconds_Behind_Master: 3 }];
    });
    expect(await new ReplicaLag(5000, clock).evaluate(old.session, never, soon())).toEqual({
      status: 'pass',
      observedValue: { lag: 3 },
      observedUnit: { lag: 's' },
    });
    const none = scripted(() => {
      throw refusal(1064, 'You have an error in your SQL syntax');
    });
    expect(await new ReplicaLag(5000, clock).evaluate(none.session, never, soon())).toMatchObject({
      status: 'warn',
      reason: 'lag',
      output: expect.stringMatching(/^the lag could not be read: .*SQL syntax/),
    });
    expect(none.records).toHaveBeenCalledTimes(3);
  });

  it('is that of the channel that is furthest behind, and unknown if one is broken', async () => {
    const channel = (lag: number | null, sql = 'Yes') => ({
      Slave_IO_Running: 'Yes',
      Slave_SQL_Running: sql,
      Seconds_Behind_Master: lag,
    });
    let rows = [channel(1), channel(9), channel(0)];
    const { session } = scripted(() => rows);
    const lag = new ReplicaLag(60_000, clock);
    expect(await lag.evaluate(session, never, soon())).toMatchObject({ status: 'pass', observedValue: { lag: 9 } });
    rows = [channel(1), channel(null, 'No')];
    expect(await lag.evaluate(session, never, soon())).toMatchObject({ status: 'warn', reason: 'lag' });
    clock.jump(51_000);
    expect(await lag.evaluate(session, never, soon())).toMatchObject({ status: 'warn', reason: 'lag' });
    clock.jump(1);
    expect(await lag.evaluate(session, never, soon())).toMatchObject({ status: 'fail', reason: 'lag' });
  });

  it('warns while the query is blocked, never sends it twice, and releases the session that it was sent on', async () => {
    let unlock: (rows: Rows) => void = () => {};
    const locked = scripted(() => new Promise<Rows>((resolve) => (unlock = resolve)));
    const other = scripted(() => [{ Slave_IO_Running: 'Yes', Slave_SQL_Running: 'Yes', Seconds_Behind_Master: 0 }]);
    const lag = new ReplicaLag(5000, clock);
    for (const { session } of [locked, other, other]) {
      const evaluated = lag.evaluate(session, never, soon());
      await clock.advance(600);
      expect(await evaluated).toEqual({
        status: 'warn',
        reason: 'lag',
        output: 'the lag could not be read: no answer within 600 ms',
      });
      expect(lag.takeOver(session)).toBe(session === locked.session);
    }
    expect(locked.records).toHaveBeenCalledTimes(1);
    expect(other.records).not.toHaveBeenCalled();
    expect(locked.end).not.toHaveBeenCalled();
    unlock([]);
    await settle();
    expect(locked.end).toHaveBeenCalledTimes(1);
    expect(await lag.evaluate(other.session, never, soon())).toMatchObject({ status: 'pass' });
    expect(lag.takeOver(other.session)).toBe(false);
  });

  it('is not evaluated if the connection breaks', async () => {
    const broken = scripted(() => {
      throw Object.assign(new Error('Connection lost'), { code: 'PROTOCOL_CONNECTION_LOST' });
    });
    const evaluated = new ReplicaLag(5000, clock).evaluate(broken.session, never, soon());
    await expect(evaluated).rejects.toMatchObject({ reason: 'reset' });
  });

  it('keeps a blocked query when a run is ended, and ends it when the check is closed', async () => {
    const locked = scripted(() => new Promise<Rows>(() => {}));
    const lag = new ReplicaLag(5000, clock);
    const aborter = new AbortController();
    const evaluated = lag.evaluate(locked.session, aborter.signal, soon());
    aborter.abort(new Error('the service stops'));
    await expect(evaluated).rejects.toThrow('the service stops');
    expect(lag.takeOver(locked.session)).toBe(true);
    expect(locked.destroy).not.toHaveBeenCalled();
    lag.close();
    expect(locked.destroy).toHaveBeenCalledTimes(1);
  });
});
