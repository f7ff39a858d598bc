import { describe, expect, it } from '@jest/globals';
import { ReplicaLag } from '../../src/checks/postgres/lag.js';
import { FakeClock } from '../fake-clock.js';

const DAY = '86400000';

describe('the replication lag of PostgreSQL', () => {
  it('is 0 when everything has been replayed, otherwise the age of the last transaction', () => {
    const lag = new ReplicaLag(1000, new FakeClock());
    expect(lag.evaluate(['t', 't', DAY])).toEqual({
      status: 'pass',
      observedValue: { lag: 0 },
      observedUnit: { lag: 's' },
    });
    expect(lag.evaluate(['t', 'f', '999.6'])).toEqual({
      status: 'pass',
      observedValue: { lag: 1 },
      observedUnit: { lag: 's' },
    });
    expect(lag.evaluate(['t', 'f', '1500'])).toMatchObject({
      status: 'fail',
      reason: 'lag',
      observedValue: { lag: 1.5 },
    });
    // The primary's clock is ahead.
    expect(lag.evaluate(['t', 'f', '-20'])).toMatchObject({ status: 'pass', observedValue: { lag: 0 } });
    // Nothing has been replayed since the server started.
    expect(lag.evaluate(['t', 'f', null])).toMatchObject({ status: 'fail', reason: 'lag' });
  });

  it('without a primary is at most the last known lag plus the time since', async () => {
    const clock = new FakeClock();
    const lag = new ReplicaLag(5000, clock);
    lag.evaluate(['t', 'f', '1000']);
    await clock.advance(4000);
    expect(lag.evaluate(['f', 't', DAY])).toEqual({
      status: 'warn',
      reason: 'master-down',
      output: 'the replica receives no WAL, the lag is at most 5 s',
    });
    await clock.advance(1);
    expect(lag.evaluate(['f', 't', DAY])).toMatchObject({ status: 'fail', reason: 'master-down' });
    expect(lag.evaluate(['f', 't', '4000'])).toMatchObject({ status: 'warn' });
    lag.evaluate(['t', 't', DAY]);
    expect(lag.evaluate(['f', 't', DAY])).toMatchObject({ status: 'warn' });
  });

  it('is unknown if it was never known and no transaction was replayed', () => {
    expect(new ReplicaLag(5000, new FakeClock()).evaluate(['f', null, null])).toEqual({
      status: 'fail',
      reason: 'master-down',
      output: 'the replica receives no WAL, the lag is unknown',
    });
  });
});
