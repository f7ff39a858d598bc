import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/common/clock.js';
import { HealthService } from '../../src/grpc/health-service.js';
import { GrpcStats } from '../../src/grpc/stats.js';
import { defaultServerSettings } from '../../src/server/settings.js';
import { FakeHealth } from '../server/fake-health.js';
import { HealthClient } from './client.js';

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

async function start() {
  const health = Object.assign(new FakeHealth(), { groups: () => ['readiness', 'shop'] });
  const service = new HealthService(health, defaultServerSettings, new GrpcStats(), systemClock);
  const server = new Server();
  service.addTo(server);
  const port = await new Promise<number>((resolve) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => resolve(bound)),
  );
  const client = new HealthClient(`127.0.0.1:${port}`);
  closing.push(() => server.forceShutdown());
  closing.push(() => client.close());
  return { health, service, client };
}

async function until(condition: () => unknown): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('a gRPC request', () => {
  it.each([
    ['', { scope: 'readiness' }],
    ['readiness', { scope: 'readiness' }],
    ['liveness', { scope: 'liveness' }],
    ['startup', { scope: 'startup' }],
    ['shop', { scope: 'readiness', group: 'shop' }],
    ['db', { scope: 'readiness', checks: ['db'] }],
  ])('for %p queries the health', async (service, query) => {
    const { health, client } = await start();
    const answer = client.check(service);
    await until(() => health.asked.length === 1);
    const { timeout } = defaultServerSettings.ping;
    expect(health.asked[0]?.query).toEqual({ ...query, timeout, hops: 0 });
    health.settle('warn', { stale: true });
    expect(await answer).toBe('SERVING');
  });

  it.each([
    [1000, 900],
    [10_000, 2000],
  ])('with a deadline in %d ms waits at most %d ms', async (deadline, most) => {
    const { health, client } = await start();
    const answer = client.check('', Date.now() + deadline);
    await until(() => health.asked.length === 1);
    const { timeout } = health.asked[0]?.query ?? {};
    // Some milliseconds have passed, or all of them on a busy machine.
    expect(timeout).toBeLessThanOrEqual(most);
    health.settle('pass');
    expect(['SERVING', 'DEADLINE_EXCEEDED']).toContain(await answer);
  });

  it('is withdrawn when the caller cancels it', async () => {
    const { health, client } = await start();
    const isAsked = until(() => health.asked.length === 1);
    expect(await client.check('', undefined, isAsked)).toBe('CANCELLED');
    await until(() => health.withdrawn > 0 && health.asked.length === 0);
  });

  it('that waits is answered with the latest known status when the service stops', async () => {
    const { health, service, client } = await start();
    const [check, list] = [client.check(''), client.list()];
    await until(() => health.asked.length === 1 + 5);
    service.close();
    expect(await check).toBe('UNKNOWN');
    expect(await list).toMatch(/^0a/);
    expect(health.asked).toEqual([]);
  });

  it('that exceeds a thousand waiting ones is answered immediately', async () => {
    const { health, client } = await start();
    const waiting = Array.from({ length: 1000 }, () => client.check(''));
    await until(() => health.asked.length === 1000);
    expect(await client.check('')).toBe('UNKNOWN');
    health.settle('pass', { count: 1000 });
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['SERVING']));
  });
});
