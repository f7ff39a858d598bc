import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from '@jest/globals';
import type { CheckResult } from '../../src/health/check.js';
import type { ServiceOptions } from '../../src/service/options.js';
import type { Service } from '../../src/service/service.js';
import { parseScrape, valueOf } from '../metrics/scrape.js';
import { opened, quiet, start as startPlain } from '../service/started.js';
import { HealthClient } from './client.js';

const threaded: ServiceOptions = { threads: 1, grpc: { port: 0 } };

async function start(options: ServiceOptions = {}): Promise<{ service: Service; client: HealthClient }> {
  const service = await startPlain({ ...threaded, ...options });
  const client = new HealthClient(service.grpcAddress as string);
  opened.push(() => client.close());
  return { service, client };
}

async function until(condition: () => unknown): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

const metric = async (service: Service, name: string, labels = {}) =>
  valueOf(parseScrape(await service.register.metrics()), `pongcheck_grpc_${name}`, labels);

describe('gRPC on a PING thread', () => {
  it('answers Check, Watch and List from the checks on the main thread, and is counted there', async () => {
    let result: CheckResult = { status: 'pass' };
    const db = { kind: 'own', interval: 5, minInterval: 1, groups: ['readiness', 'shop'], run: async () => result };
    const { service, client } = await start({ checks: { db } });
    const watch = client.watch('shop');
    await until(() => watch.seen.at(-1) === 'SERVING');
    expect([await client.check(''), await client.check('db'), await client.check('nothing')]).toEqual([
      'SERVING',
      'SERVING',
      'NOT_FOUND',
    ]);
    expect(await client.list()).toContain(Buffer.from('shop').toString('hex'));
    result = { status: 'fail' };
    await until(() => watch.seen.at(-1) === 'NOT_SERVING');
    expect(await client.check('db')).toBe('NOT_SERVING');
    expect(await metric(service, 'watches')).toBe(1);
    expect(await metric(service, 'connections')).toBe(1);
    expect(await metric(service, 'answers_total', { method: 'Check', status: 'NOT_FOUND' })).toBe(1);
  });

  it('is NOT_SERVING when a drain begins, and ends at its end', async () => {
    const { service, client } = await start({ drain: { grace: 300, delay: 300 } });
    const watch = client.watch('');
    await watch.receives(1);
    const drained = service.drain();
    await watch.receives(2);
    expect(await client.check('')).toBe('NOT_SERVING');
    expect(await client.check('liveness')).toBe('SERVING');
    await drained;
    expect(await watch.receives(3)).toEqual(['SERVING', 'NOT_SERVING', 'UNAVAILABLE']);
  });

  it('applies a reload, and is reopened on its port after the thread has ended', async () => {
    const { service, client } = await start();
    expect(await client.check('')).toBe('SERVING');
    const limits = { grpc: { port: 0, maxConnections: 3 }, ping: { timeout: 77 } };
    const { changed, needsRestart } = await service.reload({ ...quiet, ...threaded, ...limits });
    expect([[...changed].sort(), needsRestart]).toEqual([['grpc.maxConnections', 'ping.timeout'], []]);
    const [thread] = (service.server as unknown as { threads: [{ worker: Worker; isRunning: boolean }] }).threads;
    const { worker } = thread;
    await worker.terminate();
    await until(() => thread.worker !== worker && thread.isRunning);
    expect(await metric(service, 'connections')).toBe(0);
    await until(async () => (await client.check('')) === 'SERVING');
  });

  it('reports a used address, and leaves no thread behind', async () => {
    const { service } = await start();
    const port = Number(service.grpcAddress?.split(':')[1]);
    await expect(startPlain({ ...threaded, grpc: { port } })).rejects.toMatchObject({ code: 'PONGCHECK_LISTEN' });
  });

  it('is NOT_SERVING while the event loop of the main thread is blocked, first for readiness, then for liveness', async () => {
    const { service } = await start({
      loop: { readinessStall: 300, livenessStall: 900 },
      checks: { db: async () => {} },
    });
    const prober = new Worker(new URL('./prober.mjs', import.meta.url), { workerData: service.grpcAddress });
    expect(await once(prober, 'message')).toEqual(['ready']);
    const end = performance.now() + 2000;
    while (performance.now() < end);
    prober.postMessage('turning');
    const [{ statuses, updates }] = await once(prober, 'message');
    await once(prober, 'exit');
    expect(statuses.slice(0, 4)).toEqual([
      'readiness SERVING',
      'liveness SERVING',
      'readiness NOT_SERVING',
      'liveness NOT_SERVING',
    ]);
    expect(statuses.slice(4).sort()).toEqual(['liveness SERVING', 'readiness SERVING']);
    expect(updates.slice(-3)).toEqual(['SERVING', 'NOT_SERVING', 'SERVING']);
  });
});
