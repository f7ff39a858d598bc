import dns from 'node:dns';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { redisCheck } from '../../src/checks/redis/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { FakeClock } from '../fake-clock.js';
import { makeCertificate } from '../live/certificate.js';
import { ownServer } from '../live/own-server.js';
import { TcpProxy } from '../live/proxy.js';
import { Redis } from '../live/redis.js';
import { runCheck } from '../live/run-check.js';
import { freePort } from '../live/server-process.js';

const itOwnServer = ownServer('TEST_REDIS_URL');
const well = { status: 'pass', observedValue: 'primary' };

describe('the new connections of a Redis check', () => {
  let server: Redis;
  let proxy: TcpProxy;
  let clock: FakeClock;
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    server = await Redis.start();
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    clock = new FakeClock();
    proxy = await TcpProxy.start({ to: server.port });
    closing.push(() => proxy.stop());
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const close of closing.splice(0).reverse()) await close();
  });

  function check(url: string, options = {}): CheckDefinition {
    const made = redisCheck({ url, timeout: 1500, ...options }, clock);
    closing.push(() => made.close?.());
    return made;
  }
  const throughProxy = () => server.url({ host: '127.0.0.1', port: proxy.port });

  /** Times at which a new connection was made, with runs every `ms` milliseconds. */
  async function renewals(trial: CheckDefinition, ms: number, runs: number): Promise<number[]> {
    const madeAt: number[] = [];
    for (let run = 0; run < runs; run++) {
      const before = proxy.accepted;
      expect(await runCheck(trial)).toMatchObject(well);
      if (proxy.accepted > before) madeAt.push(clock.now());
      expect(proxy.accepted - before).toBeLessThanOrEqual(1);
      clock.jump(ms);
    }
    return madeAt;
  }
  const gaps = (moments: readonly number[]) => moments.slice(1).map((at, index) => at - (moments[index] as number));

  it('are made at least every 10 s but not much earlier, and replace the previous one', async () => {
    const madeAt = await renewals(check(throughProxy()), 500, 100);
    for (const gap of gaps(madeAt)) {
      expect(gap).toBeLessThanOrEqual(10_000);
      expect(gap).toBeGreaterThanOrEqual(7000);
    }
    expect(madeAt.length).toBeGreaterThanOrEqual(5);
    while (proxy.connections > 1) await new Promise((resolve) => setImmediate(resolve));
  });

  it('are not delayed if runs are 4.4 s apart', async () => {
    const madeAt = await renewals(check(throughProxy()), 4400, 8);
    for (const gap of gaps(madeAt)) expect(gap).toBeLessThanOrEqual(8800);
  });

  it('are not made at the same time by checks that started together', async () => {
    const random = jest.spyOn(Math, 'random');
    const firsts: number[] = [];
    for (const value of [0, 0.99]) {
      random.mockReturnValue(value);
      clock = new FakeClock();
      firsts.push((await renewals(check(throughProxy()), 100, 101))[1] as number);
    }
    expect(Math.abs((firsts[0] as number) - (firsts[1] as number))).toBeGreaterThan(2000);
  });

  itOwnServer('warn if the server has no free connection, until it has one again', async () => {
    const small = await Redis.start();
    closing.push(() => small.stop());
    const trial = check(small.url());
    expect(await runCheck(trial)).toMatchObject(well);
    const others = [check(small.url()), check(small.url())];
    for (const other of others) expect(await runCheck(other)).toMatchObject(well);
    await small.command(['CONFIG', 'SET', 'maxclients', 3]);
    expect(await runCheck(trial)).toMatchObject(well);
    clock.jump(10_000);
    for (let run = 0; run < 3; run++) {
      expect(await runCheck(trial)).toMatchObject({
        status: 'warn',
        reason: 'too-many-connections',
        output: 'ERR max number of clients reached; an older connection still answers',
        observedValue: 'primary',
      });
      clock.jump(1000);
    }
    await others[0]?.close?.();
    // The server decrements its count with a delay.
    let outcome = await runCheck(trial);
    while (outcome.reason === 'too-many-connections') outcome = await runCheck(trial);
    expect(outcome).toMatchObject(well);
  });

  itOwnServer('warn in the same way over TLS, where the server can only close the connection', async () => {
    const { cert, key, remove } = makeCertificate();
    closing.push(remove);
    const port = await freePort();
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
    const small = await Redis.start({ args: ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files] });
    closing.push(() => small.stop());
    const url = `rediss://127.0.0.1:${port}`;
    const trial = check(url, { tls: { verify: false } });
    expect(await runCheck(trial)).toMatchObject(well);
    const other = check(small.url());
    expect(await runCheck(other)).toMatchObject(well);
    await small.command(['CONFIG', 'SET', 'maxclients', 2]);
    clock.jump(10_000);
    expect(await runCheck(trial)).toMatchObject({ status: 'warn', reason: 'too-many-connections' });
    const second = check(url, { tls: { verify: false } });
    expect(await runCheck(second)).toMatchObject({ status: 'fail', reason: 'reset' });
  });

  itOwnServer('detect a changed password, although the existing connection still answers', async () => {
    const trial = check(server.url());
    await runCheck(trial);
    await server.command(['CONFIG', 'SET', 'requirepass', 'hush']);
    closing.push(() => server.command(['CONFIG', 'SET', 'requirepass', ''], 'hush'));
    expect(await runCheck(trial)).toMatchObject(well);
    clock.jump(10_000);
    expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'auth' });
  });

  itOwnServer('use the current address of the name', async () => {
    let address = '127.0.0.1';
    jest.spyOn(dns, 'lookup').mockImplementation(((_name: string, options: { all?: boolean }, done: Lookup) => {
      if (options.all) done(null, [{ address, family: 4 }]);
      else done(null, address, 4);
    }) as unknown as typeof dns.lookup);
    const trial = check(`redis://cache.test:${proxy.port}`);
    expect(await runCheck(trial)).toMatchObject(well);
    // Nothing listens on this address.
    address = '127.0.0.9';
    clock.jump(1000);
    expect(await runCheck(trial)).toMatchObject(well);
    clock.jump(9000);
    expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'refused' });
    address = '127.0.0.1';
    expect(await runCheck(trial)).toMatchObject(well);
  });
});

type Lookup = (error: null, address: unknown, family?: number) => void;
