import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis as Ioredis } from 'ioredis';
import { type RedisOptions, redisCheck } from '../../src/checks/redis/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { FakeClock } from '../fake-clock.js';
import { ownServer } from '../live/own-server.js';
import { Redis } from '../live/redis.js';
import { runCheck } from '../live/run-check.js';
import { Sentinel } from '../live/sentinel.js';
import { freePort } from '../live/server-process.js';

const itOwnServer = ownServer('TEST_REDIS_URL');
const NAME = 'shop.cache';
const PASSWORD = 'wh1spered';

describe('a check of a Redis with Sentinels', () => {
  let servers: [Redis, Redis];
  let sentinels: [Sentinel, Sentinel];
  let clock: FakeClock;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    if (process.env.TEST_REDIS_URL) return;
    ({ servers, sentinels } = await watchedPair());
  }, 60_000);
  afterAll(() => Promise.all([...(sentinels ?? []), ...(servers ?? [])].map((each) => each.stop())));
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** A primary and its replica, and two Sentinels that know both servers and each other. */
  async function watchedPair() {
    const servers = await Promise.all([Redis.start(), Redis.start()]);
    const [primary, replica] = servers;
    await replica.follow(primary);
    const sentinels = await Promise.all([Sentinel.start(NAME, primary), Sentinel.start(NAME, primary)]);
    for (const each of sentinels) {
      await each.until(['SENTINEL', 'REPLICAS', NAME], (list) => (list as unknown[]).length === 1);
      await each.until(['SENTINEL', 'SENTINELS', NAME], (list) => (list as unknown[]).length === 1);
    }
    return { servers, sentinels };
  }
  const urlOf = (name = NAME) => `redis+sentinel://${sentinels.map(({ address }) => address).join(',')}/${name}`;
  function check(options: Partial<RedisOptions> = {}): CheckDefinition {
    clock = new FakeClock();
    const made = redisCheck({ url: urlOf(), timeout: 2000, ...options } as RedisOptions, clock);
    closing.push(() => made.close?.());
    return made;
  }
  const isPrimary = { status: 'pass', observedValue: 'primary' };
  const isReplica = { status: 'pass', observedValue: 'replica' };

  itOwnServer('finds the primary, writes to it, and finds a replica if one is required', async () => {
    expect(await runCheck(check({ write: 'via' }))).toMatchObject(isPrimary);
    expect(await servers[0].command(['EXISTS', 'via'])).toBe(1);
    expect(await runCheck(check({ role: 'any' }))).toMatchObject(isPrimary);
    expect(await runCheck(check({ role: 'replica' }))).toMatchObject(isReplica);
  });

  itOwnServer('does the same for an application’s ioredis client, with its role', async () => {
    const given = { sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })), name: NAME };
    for (const [role, wanted] of [
      ['master', isPrimary],
      ['slave', isReplica],
    ] as const) {
      const client = new Ioredis({ ...given, role, lazyConnect: true });
      expect(await runCheck(check({ url: undefined, client } as never))).toMatchObject(wanted);
    }
  });

  itOwnServer('needs only one Sentinel that answers, if others are stopped or frozen', async () => {
    const [first, second] = sentinels;
    await first.freeze();
    closing.push(() => first.thaw());
    const gone = await freePort();
    const url = `redis+sentinel://127.0.0.1:${gone},${first.address},${second.address}/${NAME}/3`;
    expect(await runCheck(check({ url }))).toMatchObject(isPrimary);
  });

  itOwnServer('reports for each Sentinel why it failed', async () => {
    const [first, second] = sentinels;
    const gone = await freePort();
    const url = `redis+sentinel://127.0.0.1:${gone},${servers[0].host}:${servers[0].port}/${NAME}`;
    expect(await runCheck(check({ url }))).toMatchObject({
      status: 'fail',
      reason: 'refused',
      output: expect.stringMatching(
        new RegExp(
          `^no Sentinel knows the primary of ${NAME}: 127.0.0.1:${gone}: .*ECONNREFUSED.*: ERR unknown command`,
        ),
      ),
    });
    expect(await runCheck(check({ url: urlOf('other') }))).toMatchObject({
      status: 'fail',
      reason: 'dns',
      output: expect.stringMatching(/^no Sentinel knows the primary of other: .*: it does not monitor this name/),
    });
    expect(await runCheck(check({ url: urlOf('other'), role: 'replica' }))).toMatchObject({ reason: 'dns' });
    const frozen = redisCheck({ url: urlOf(), timeout: 400 });
    closing.push(() => frozen.close?.());
    await Promise.all([first.freeze(), second.freeze()]);
    closing.push(() => [first.thaw(), second.thaw()]);
    expect(await runCheck(frozen)).toMatchObject({
      status: 'fail',
      reason: 'timeout',
      output: expect.stringMatching(/^no Sentinel knows the primary of shop.cache: .*: no answer within \d+ ms/),
    });
  });

  itOwnServer('warns while no Sentinel answers but the existing connection does', async () => {
    const [primary] = servers;
    const lone = await Sentinel.start(NAME, primary);
    closing.push(() => lone.stop());
    const trial = check({ url: `redis+sentinel://${lone.address}/${NAME}` });
    expect(await runCheck(trial)).toMatchObject(isPrimary);
    await lone.kill();
    expect(await runCheck(trial)).toMatchObject(isPrimary);
    clock.jump(10_000);
    expect(await runCheck(trial)).toMatchObject({
      status: 'warn',
      reason: 'refused',
      output: expect.stringMatching(/^no Sentinel knows the primary .*; an older connection still answers$/),
      observedValue: 'primary',
    });
    await primary.command(['CLIENT', 'KILL', 'TYPE', 'normal']);
    expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'refused' });
  });

  itOwnServer('logs in to the Sentinels with their password, and shows none', async () => {
    const locked = await Sentinel.start(NAME, servers[0], [`requirepass ${PASSWORD}`]);
    closing.push(() => locked.stop());
    const url = `redis+sentinel://${locked.address}/${NAME}`;
    expect(await runCheck(check({ url, sentinel: { password: PASSWORD } }))).toMatchObject(isPrimary);
    expect(check({ url, sentinel: { password: PASSWORD } }).secrets).toContain(PASSWORD);
    const wrong = await runCheck(check({ url, sentinel: { password: `${PASSWORD}?` } }));
    expect(wrong).toMatchObject({ status: 'fail', reason: 'auth', output: expect.stringMatching(/WRONGPASS/) });
    expect(JSON.stringify(wrong)).not.toContain(PASSWORD);
    expect(await runCheck(check({ url }))).toMatchObject({ status: 'fail', reason: 'auth' });
  });

  itOwnServer('reports a Sentinel at a plain URL, even with a database or a key to write', async () => {
    const { address } = sentinels[0];
    const found = {
      status: 'fail',
      reason: 'role',
      output: 'a Sentinel, not a Redis data node: use redis+sentinel://HOST:PORT/NAME',
    };
    for (const options of [{}, { role: 'primary' as const }, { write: 'a' }]) {
      expect(await runCheck(check({ url: `redis://${address}`, ...options }))).toMatchObject(found);
    }
    expect(await runCheck(check({ url: `redis://${address}/2` }))).toMatchObject(found);
  });

  itOwnServer('fails with tls for Sentinels without TLS', async () => {
    const { address } = sentinels[0];
    const made = redisCheck({ url: `rediss+sentinel://${address}/${NAME}`, tls: { verify: false }, timeout: 800 });
    closing.push(() => made.close?.());
    expect(await runCheck(made)).toMatchObject({ reason: 'tls', output: expect.stringMatching(/does not use TLS/) });
  });

  itOwnServer('checks the new primary immediately when the previous one has stopped', async () => {
    const [first, second] = await Promise.all([Redis.start(), Redis.start()]);
    const lone = await Sentinel.start(NAME, first);
    closing.push(() => Promise.all([first.stop(), second.stop(), lone.stop()]));
    const trial = check({ url: `redis+sentinel://${lone.address}/${NAME}` });
    expect(await runCheck(trial)).toMatchObject(isPrimary);
    await first.kill();
    expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'refused' });
    await lone.command(['SENTINEL', 'REMOVE', NAME]);
    await lone.command(['SENTINEL', 'MONITOR', NAME, second.host, second.port, 1]);
    expect(await runCheck(trial)).toMatchObject(isPrimary);
    expect(await runCheck(check({ url: `redis+sentinel://${lone.address}/${NAME}`, role: 'replica' }))).toMatchObject({
      status: 'fail',
      reason: 'role',
      output: `no Sentinel knows a replica of ${NAME}: ${lone.address}: no replica is up`,
    });
  });

  itOwnServer('follows a failover immediately, with both roles', async () => {
    // Separate servers, because the roles of the others must not depend on the order of the tests.
    const { servers, sentinels } = await watchedPair();
    closing.push(() => Promise.all([...sentinels, ...servers].map((each) => each.stop())));
    const [first, second] = servers;
    const [sentinel] = sentinels;
    const url = `redis+sentinel://${sentinels.map(({ address }) => address).join(',')}/${NAME}`;
    const [primary, replica] = [check({ url, write: 'a' }), check({ url, role: 'replica' })];
    expect([await runCheck(primary), await runCheck(replica)]).toMatchObject([isPrimary, isReplica]);
    await sentinel.command(['SENTINEL', 'FAILOVER', NAME]);
    const isNew = (address: unknown) => (address as string[])[1] === String(second.port);
    for (const each of sentinels) await each.until(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME], isNew);
    // The Sentinels would do the same after 8 s.
    await first.follow(second);
    expect(await runCheck(primary)).toMatchObject(isPrimary);
    // The Sentinels learn with a delay that the replica is up.
    while ((await runCheck(replica)).status !== 'pass') await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await second.command(['EXISTS', 'a'])).toBe(1);
  });
});

describe('the URL of Sentinels', () => {
  it.each([
    [{ url: 'redis+sentinel://a:1,b:2' }, /url is a URL without a name/],
    [{ url: 'redis+sentinel://a:1,,b:2/x' }, /url is/],
    [{ url: 'redis+sentinel://a:1,b:99999/x' }, /url is not a valid URL/],
    [{ url: 'redis+sentinel://u:12,3/hidden@a:1,b:2/x' }, /url is a URL with an @ after its host/],
    [{ url: 'redis+sentinel://a:1/x/hidden' }, /a URL whose database is not a number/],
    [{ url: 'redis://:hidden@a:1,b:2/0' }, /url is a URL with several hosts/],
    [{ url: 'redis://a:1', sentinel: { password: 'hidden' } }, /sentinel is given without redis\+sentinel:\/\//],
    [{ url: 'redis+sentinel://a/x', sentinel: { pass: 'hidden' } }, /sentinel.pass is not a known option/],
  ])('is refused: %j', (options, message) => {
    const make = () => redisCheck(options as RedisOptions);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'PONGCHECK_CONFIG' }));
    expect(make).not.toThrow(/hidden/);
  });

  it('may contain a password with a comma, addresses in brackets, and a database', () => {
    const url = 'rediss+sentinel://me:a,b%40c@[::1]:5,host/the%20name/4';
    expect(redisCheck({ url }).secrets).toEqual(expect.arrayContaining(['a,b@c', 'a,b%40c']));
  });
});
