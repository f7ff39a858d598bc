import { getHeapStatistics } from 'node:v8';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ProcessOptions, processCheck } from '../../src/checks/process/index.js';
import { type Client, connect } from '../../src/client.js';
import type { CheckDefinition, CheckResult } from '../../src/health/check.js';
import { createService, type Service } from '../../src/service/service.js';

let check: CheckDefinition | undefined;
let service: Service | undefined;
let client: Client | undefined;

afterEach(async () => {
  client?.destroy();
  await service?.stop();
  await check?.close?.();
  check = service = client = undefined;
});

function make(options: ProcessOptions): () => Promise<CheckResult> {
  check = processCheck(options);
  return () => (check as CheckDefinition).run(new AbortController().signal, 0);
}

/** Blocks the event loop for this many milliseconds. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Keeps the process busy for this many milliseconds, without blocking timers and sockets for long. */
async function toil(ms: number): Promise<void> {
  const until = performance.now() + ms;
  while (performance.now() < until) {
    block(5);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const valueOf = ({ observedValue }: CheckResult) => observedValue as Readonly<Record<string, number>>;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs the check until it has this status. */
async function until(run: () => Promise<CheckResult>, status: string): Promise<CheckResult> {
  const limit = performance.now() + 10_000;
  for (;;) {
    const result = await run();
    if (result.status === status) return result;
    if (performance.now() > limit) throw new Error(`it still says ${JSON.stringify(result)}`);
    await pause(20);
  }
}

describe('a process check', () => {
  it('reports that the event loop was blocked for 2 s, and recovers', async () => {
    service = createService({
      http: false,
      listen: [{ url: 'pong://127.0.0.1:0' }],
      checks: { self: processCheck({ window: 300, interval: 100 }) },
    });
    await service.start();
    client = await connect(service.addresses[0] as string);
    const ask = async () => {
      const { status, report } = await (client as Client).ping({ detail: true, maxAge: 0, responseTimeout: 10_000 });
      const { checks } = report as unknown as {
        checks: Record<string, { reason?: string; observedValue?: { delay: number } }[]>;
      };
      return { status, ...checks.self?.[0] };
    };
    // Delays from startup may still be in the window.
    while ((await ask()).status !== 'pass') await pause(20);
    block(2000);
    const result = await ask();
    expect(result).toMatchObject({
      status: 'fail',
      reason: 'threshold',
      observedUnit: { delay: 'ms', utilization: '%', heap: '%' },
      output: expect.stringMatching(/^the event loop was blocked for \d+ ms, limit: 1000 ms$/),
    });
    // The process may already have been busy for one sampling interval when the block began.
    expect(result.observedValue?.delay).toBeGreaterThan(1900);
    while ((await ask()).status !== 'pass') await pause(20);
  }, 30_000);

  it.each([0, 1, 5, 20, 60])('detects each delay, even one that begins %i ms after a run', async (after) => {
    const run = make({ maxDelay: 200, maxUtilization: 100, window: 100 });
    await run();
    // Long enough that this run begins a new window.
    await pause(150);
    await until(run, 'pass');
    await pause(150);
    await run();
    if (after > 0) await pause(after);
    block(400);
    expect(await run()).toMatchObject({ status: 'fail', reason: 'threshold' });
    await until(run, 'pass');
  });

  it('only warns below its limits, and recovers', async () => {
    const run = make({ warnDelay: 200, maxDelay: 60_000, warnUtilization: 100, maxUtilization: 100, window: 100 });
    await until(run, 'pass');
    await pause(150);
    await run();
    block(400);
    const result = await run();
    expect(result).toMatchObject({
      status: 'warn',
      reason: 'threshold',
      output: expect.stringMatching(/^the event loop was blocked for \d+ ms, warning above 200 ms$/),
    });
    expect(valueOf(result).delay).toBeGreaterThan(300);
    await until(run, 'pass');
  });

  it('reports that the event loop is busy, and recovers', async () => {
    const run = make({ maxDelay: 0, maxUtilization: 90, window: 200 });
    await run();
    // On a busy machine, this process may not get enough CPU time between two runs.
    const busy = await until(async () => {
      await toil(800);
      return run();
    }, 'fail');
    expect(busy).toMatchObject({ reason: 'threshold' });
    expect(valueOf(busy).utilization).toBeGreaterThan(90);
    await until(run, 'pass');
  });

  it('does not report the utilization of a time shorter than its window', async () => {
    const run = make({ maxDelay: 0, maxUtilization: 1, window: 60_000 });
    await run();
    await toil(100);
    expect(await run()).toMatchObject({ status: 'pass' });
  });

  it('reports the heap usage', async () => {
    const { heap_size_limit } = getHeapStatistics();
    const ballast = new Array(Math.ceil((heap_size_limit * 0.02) / 8)).fill(0.5);
    expect(await make({ maxDelay: 0, maxHeap: 1 })()).toMatchObject({
      status: 'fail',
      reason: 'threshold',
      observedValue: { heap: expect.any(Number) },
      output: expect.stringMatching(/^the heap uses [\d.]+ % of its limit, limit: 1 %$/),
    });
    expect(ballast.at(-1)).toBe(0.5);
    await check?.close?.();
    expect(await make({ maxDelay: 0, maxHeap: 100 })()).toMatchObject({ status: 'pass' });
  });

  it('has its own window, independent of those of other checks', async () => {
    const limits = { warnDelay: 200, maxDelay: 200, warnUtilization: 100, maxUtilization: 100 };
    const other = processCheck({ ...limits, window: 100 });
    const runOther = () => other.run(new AbortController().signal, 0);
    const run = make({ ...limits, window: 60_000 });
    await run();
    await until(runOther, 'pass');
    await pause(50);
    block(400);
    expect(await runOther()).toMatchObject({ status: 'fail' });
    await until(runOther, 'pass');
    await other.close?.();
    expect(await run()).toMatchObject({ status: 'fail', reason: 'threshold' });
  });

  it('stops measuring when it is closed', async () => {
    const run = make({ maxDelay: 100, window: 100 });
    await run();
    await check?.close?.();
    block(300);
    expect(await run()).toMatchObject({ status: 'pass', observedValue: { delay: 0 } });
  });

  it.each([
    [{ maxDelay: -1 }, /maxDelay is -1/],
    [{ warnHeap: 0 }, /warnHeap is 0/],
    [{ maxUtilization: 101 }, /maxUtilization is 101/],
    [{ window: 0 }, /window is 0/],
    [{ maxheap: 10 }, /maxheap/],
  ])('refuses %j', (options, why) => {
    expect(() => processCheck(options as ProcessOptions)).toThrow(why);
  });
});
