// Takes screenshots of the status page for the README, in light and dark mode: a shop whose Redis has just stopped,
// after an hour with one incident.
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { httpCheck } from '../../src/checks/http/index.js';
import { pingpongCheck } from '../../src/checks/pingpong/index.js';
import { redisCheck } from '../../src/checks/redis/index.js';
import { type Clock, systemClock } from '../../src/common/clock.js';
import { checkKey, groupKey } from '../../src/health/history/recorder.js';
import type { State } from '../../src/health/state.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { HttpService } from '../../test/live/http-service.js';
import { Redis } from '../../test/live/redis.js';
import { launchBrowser } from '../../test/system/browser.js';

const HOUR = 3_600_000;
/** Interval between runs in the preceding hour, in milliseconds. */
const INTERVAL = 5000;
/** The incident in the preceding hour: in these minutes, Redis did not answer, or answered slowly. */
const INCIDENT = { begins: 17, ends: 23, slowUntil: 26 };
/** How long Redis has been down when the screenshot is taken, in milliseconds. */
const DOWN = 40_000;
const VIEW = { width: 1100, height: 860 };
/** Space below the last check. */
const MARGIN = 24;
const MAX_BYTES = 200 * 1024;
const folder = join(process.cwd(), 'docs', 'pictures');

/** A clock that can be set back. */
class LateClock implements Clock {
  late = 0;
  now = () => performance.now() - this.late;
  wall = () => Date.now() - this.late;
  after = systemClock.after;
  clear = systemClock.clear;
}

/** Returns reproducible numbers from 0 to 1. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** Typical durations of the checks in milliseconds, and whether they depend on Redis. */
const usual = {
  billing: { ms: 14, needsRedis: false },
  cache: { ms: 0.9, needsRedis: true },
  orders: { ms: 2.1, needsRedis: true },
  queue: { ms: 0.4, needsRedis: false },
};

/** Records a simulated hour. */
function recordHour({ history: { recorder } }: Service, clock: LateClock): void {
  const random = seeded(18);
  for (clock.late = HOUR; clock.late > INTERVAL; clock.late -= INTERVAL) {
    const minute = (HOUR - clock.late) / 60_000;
    const down = minute >= INCIDENT.begins && minute < INCIDENT.ends;
    const slow = minute >= INCIDENT.begins && minute < INCIDENT.slowUntil;
    for (const [name, { ms, needsRedis }] of Object.entries(usual)) {
      const failed = needsRedis && down;
      const factor = needsRedis && slow ? 30 : 0.7 + random() ** 3;
      recorder.setState(checkKey(name), failed ? 'fail' : 'pass');
      recorder.addRun(checkKey(name), failed, failed ? 800 : ms * factor);
    }
    const state: State = down ? 'fail' : 'pass';
    for (const group of ['all', 'readiness']) recorder.setState(groupKey(group), state);
    for (const group of ['liveness', 'startup']) recorder.setState(groupKey(group), 'pass');
  }
  clock.late = 0;
}

const services: Service[] = [];
async function start(options: ServiceOptions, prepare?: (service: Service) => void): Promise<Service> {
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: { port: 0 }, ...options });
  services.push(service);
  prepare?.(service);
  await service.start();
  return service;
}

delete process.env.TEST_REDIS_URL;
const redis = await Redis.start();
const billing = await HttpService.start();
const browser = await launchBrowser();
try {
  const often = { interval: 1000, timeout: 800 };
  const orders = await start({ serviceId: 'orders', checks: { redis: redisCheck({ url: redis.url(), ...often }) } });
  const clock = new LateClock();
  const shop = await start(
    {
      serviceId: 'shop',
      clock,
      checks: {
        billing: httpCheck({ url: billing.url('/ready'), ...often }),
        cache: redisCheck({ url: redis.url(), ...often }),
        orders: pingpongCheck({ url: orders.addresses[0] as string, ...often }),
        queue: { kind: 'function', ...often, run: async () => ({ status: 'pass', output: '3 of 100 jobs' }) },
      },
    },
    (service) => recordHour(service, clock),
  );
  const url = shop.httpAddress as string;
  await reach(url, 'pass');
  await redis.kill();
  await reach(url, 'fail');
  await new Promise((resolve) => setTimeout(resolve, DOWN));
  mkdirSync(folder, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ viewport: VIEW, colorScheme });
    await page.goto(url, { waitUntil: 'load' });
    await page.locator('#state', { hasText: /not ready/ }).waitFor();
    const path = join(folder, `page-${colorScheme}.png`);
    const checks = await page.locator('#items').boundingBox();
    if (!checks) throw new Error('the page shows no checks');
    const height = Math.ceil(checks.y + checks.height) + MARGIN;
    await page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width: VIEW.width, height } });
    const { size } = statSync(path);
    process.stderr.write(`${path}: ${Math.round(size / 1024)} KiB\n`);
    if (size > MAX_BYTES) throw new Error(`${path} has more than ${MAX_BYTES / 1024} KiB`);
    await page.close();
  }
} finally {
  await browser.close();
  for (const service of services.reverse()) await service.stop();
  await billing.stop();
  await redis.stop();
}

async function reach(url: string, state: State): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  while (((await (await fetch(`${url}/health`, { signal })).json()) as { state: State }).state !== state) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
