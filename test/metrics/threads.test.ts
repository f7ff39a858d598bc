import type { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../src/common/clock.js';
import { createService, type Service } from '../../src/service/service.js';
import type { ThreadedServer } from '../../src/threads/threaded-server.js';
import { blockUntilCounted } from '../threads/blocked-loop.js';
import { parseScrape, valueOf } from './scrape.js';

const DEADLINE_MS = 15_000;

let service: Service;

async function metric(name: string, labels?: Record<string, string>): Promise<number> {
  return valueOf(parseScrape(await service.register.metrics()), `pongcheck_${name}`, labels);
}

/** Scrapes until a metric has this value. */
async function untilMetric(name: string, labels: Record<string, string>, value: number): Promise<void> {
  const limit = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = await metric(name, labels);
    if (found === value) return;
    if (performance.now() > limit) throw new Error(`${name} is still ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('the metrics of a service with a thread', () => {
  // Loads the registry's module, so that the first scrape does not have to.
  beforeAll(() => import('prom-client'));

  beforeEach(async () => {
    service = createService({
      http: false,
      listen: [{ url: 'pong://127.0.0.1:0' }],
      threads: 1,
      loop: { readinessStall: 200, livenessStall: 500 },
    });
    await service.start();
  });

  afterEach(() => service.stop());

  it('count a stall of the event loop by the limits that it exceeded, and its time', async () => {
    const counted = async () => ({
      readiness: await metric('event_loop_stalls_total', { scope: 'readiness' }),
      liveness: await metric('event_loop_stalls_total', { scope: 'liveness' }),
    });
    const before = await counted();
    blockUntilCounted(service, 'readiness');
    const { readiness } = await counted();
    expect(readiness).toBeGreaterThan(before.readiness);
    await untilMetric('event_loop_stalled_seconds', {}, 0);
    blockUntilCounted(service, 'liveness');
    const after = await counted();
    expect(after.readiness).toBeGreaterThan(readiness);
    expect(after.liveness).toBeGreaterThan(before.liveness);
    expect(await metric('event_loop_longest_stall_seconds')).toBeGreaterThanOrEqual(0.5);
    await untilMetric('event_loop_stalled_seconds', {}, 0);
  });

  it('show that the thread responds, even after a stall', async () => {
    await untilMetric('thread_up', { thread: '0' }, 1);
    blockUntilCounted(service, 'liveness');
    await untilMetric('thread_up', { thread: '0' }, 1);
    expect(await metric('thread_restarts_total', { thread: '0' })).toBe(0);
  });

  it('show that a thread does not respond when it has not ticked for more than a second', async () => {
    await untilMetric('thread_up', { thread: '0' }, 1);
    const now = jest.spyOn(systemClock, 'now').mockReturnValue(systemClock.now() + 2000);
    const later = (service.server as ThreadedServer).statuses();
    now.mockRestore();
    expect(later).toEqual([{ index: 0, isResponding: false, restarts: 0 }]);
    await untilMetric('thread_up', { thread: '0' }, 1);
  });

  it('show that a thread has ended, and count its restart', async () => {
    const { threads } = service.server as unknown as { threads: { worker: Worker }[] };
    await threads[0]?.worker.terminate();
    expect(await metric('thread_up', { thread: '0' })).toBe(0);
    await untilMetric('thread_restarts_total', { thread: '0' }, 1);
    await untilMetric('thread_up', { thread: '0' }, 1);
  });
});
