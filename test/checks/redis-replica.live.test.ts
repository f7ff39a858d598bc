import { afterAll, afterEach, beforeAll, describe, expect } from '@jest/globals';
import { type RedisUrlOptions, redisCheck } from '../../src/checks/redis/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { ownServer } from '../live/own-server.js';
import { Redis } from '../live/redis.js';
import { runCheck } from '../live/run-check.js';

const itOwnServer = ownServer('TEST_REDIS_URL');
const KEY = 'pongcheck:written';

describe('a check of a Redis and its replica', () => {
  let primary: Redis;
  let replica: Redis;
  beforeAll(async () => {
    if (process.env.TEST_REDIS_URL) return;
    [primary, replica] = await Promise.all([Redis.start(), Redis.start()]);
    await replica.follow(primary);
  }, 60_000);
  afterAll(() => Promise.all([primary?.stop(), replica?.stop()]));

  /** What a test opens or changes. Undone after the test. */
  const undoing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const undo of undoing.splice(0).reverse()) await undo();
  });

  function check(server: Redis, options: Partial<RedisUrlOptions> = {}): CheckDefinition {
    const made = redisCheck({ url: server.url(), timeout: 1500, ...options });
    undoing.push(() => made.close?.());
    return made;
  }

  const isPrimary = { status: 'pass', observedValue: 'primary', observedUnit: 'role' };
  const isReplica = { status: 'pass', observedValue: 'replica', observedUnit: 'role' };

  itOwnServer(
    'fails with role if a primary is required, follows a failover, and passes if none is required',
    async () => {
      const [first, second] = [check(primary, { role: 'primary' }), check(replica, { role: 'primary' })];
      expect(await runCheck(first)).toMatchObject(isPrimary);
      expect(await runCheck(second)).toMatchObject({
        status: 'fail',
        reason: 'role',
        output: 'the role is replica, not primary',
        observedValue: 'replica',
      });
      expect(await runCheck(check(replica))).toMatchObject(isReplica);
      undoing.push(async () => {
        await primary.command(['REPLICAOF', 'NO', 'ONE']);
        await replica.follow(primary);
      });
      await replica.command(['REPLICAOF', 'NO', 'ONE']);
      await primary.follow(replica);
      expect(await runCheck(first)).toMatchObject({ status: 'fail', reason: 'role' });
      expect(await runCheck(second)).toMatchObject(isPrimary);
    },
  );

  itOwnServer('writes a key that expires, and fails with read-only on a replica', async () => {
    expect(await runCheck(check(primary, { write: KEY }))).toMatchObject(isPrimary);
    const left = Number(await primary.command(['PTTL', KEY]));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(10_000);
    expect(await runCheck(check(replica, { write: KEY }))).toMatchObject({
      status: 'fail',
      reason: 'read-only',
      output: expect.stringMatching(/^READONLY/),
      observedValue: 'replica',
    });
    // A primary that requires more replicas than it has.
    undoing.push(() => primary.command(['CONFIG', 'SET', 'min-replicas-to-write', 0]));
    await primary.command(['CONFIG', 'SET', 'min-replicas-to-write', 5]);
    expect(await runCheck(check(primary, { write: KEY }))).toMatchObject({ status: 'fail', reason: 'read-only' });
    expect(await runCheck(check(primary))).toMatchObject(isPrimary);
  });

  itOwnServer('fails with out-of-memory if it writes and there is no memory, and passes when there is', async () => {
    const [writing, asking] = [check(primary, { write: KEY }), check(primary)];
    undoing.push(() => primary.command(['CONFIG', 'SET', 'maxmemory', 0]));
    await primary.command(['CONFIG', 'SET', 'maxmemory-policy', 'noeviction']);
    await primary.command(['CONFIG', 'SET', 'maxmemory', 1]);
    expect(await runCheck(writing)).toMatchObject({
      status: 'fail',
      reason: 'out-of-memory',
      output: expect.stringMatching(/^OOM/),
    });
    expect(await runCheck(asking)).toMatchObject(isPrimary);
    await primary.command(['CONFIG', 'SET', 'maxmemory', 0]);
    expect(await runCheck(writing)).toMatchObject(isPrimary);
  });

  itOwnServer('warns if the user may neither read the role nor write', async () => {
    await primary.command(['ACL', 'SETUSER', 'prober', 'on', '>pw', '+ping', 'resetkeys']);
    undoing.push(() => primary.command(['ACL', 'DELUSER', 'prober']));
    const url = primary.url({ user: 'prober', password: 'pw' });
    expect(await runCheck(check(primary, { url, role: 'primary' }))).toMatchObject({
      status: 'warn',
      reason: 'auth',
      output: expect.stringMatching(/^the role could not be read: NOPERM/),
    });
    expect(await runCheck(check(primary, { url, write: KEY }))).toMatchObject({
      status: 'warn',
      reason: 'auth',
      output: expect.stringMatching(/^the key could not be written: NOPERM/),
    });
  });

  itOwnServer('reports master-down for a replica whose primary was killed, and passes when it is back', async () => {
    const [stale, strict] = [check(replica), check(replica, { role: 'primary' })];
    expect(await runCheck(stale)).toMatchObject(isReplica);
    await primary.kill();
    await replica.linked(false);
    expect(await runCheck(stale)).toMatchObject({
      status: 'warn',
      reason: 'master-down',
      output: expect.stringMatching(/^the link of the replica to its primary is "connect/),
      observedValue: 'replica',
    });
    expect(await runCheck(strict)).toMatchObject({ status: 'fail', reason: 'role' });
    undoing.push(() => replica.command(['CONFIG', 'SET', 'replica-serve-stale-data', 'yes']));
    await replica.command(['CONFIG', 'SET', 'replica-serve-stale-data', 'no']);
    expect(await runCheck(stale)).toMatchObject({ status: 'fail', reason: 'master-down' });
    await primary.restart();
    await replica.linked(true);
    expect(await runCheck(stale)).toMatchObject(isReplica);
  });
});
