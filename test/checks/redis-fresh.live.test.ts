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
import { connectionTimes, spreadTimes } from './connection-times.js';

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

  function check(url: string, options = {}, its = clock): CheckDefinition {
    const made = redisCheck({ url, timeout: 1500, ...options }, its);
    closing.push(() => made.close?.());
    return made;
  }

  it('are made every 10 s at different times, and take the place of the old', async () => {
    const url = server.url({ host: '127.0.0.1', port: proxy.port });
    expect(await connectionTimes((its) => check(url, {}, its), proxy)).toEqual(spreadTimes);
    while (proxy.connections > 2) await new Promise((resolve) => setImmediate(resolve));
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
