import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Client, connect } from '../../src/client.js';
import { httpCheck, mysqlCheck, redisCheck } from '../../src/index.js';
import { createService, type Service } from '../../src/service/service.js';
import { HttpService } from '../live/http-service.js';
import { MariaDb } from '../live/mariadb.js';
import { ownServer } from '../live/own-server.js';
import { Redis } from '../live/redis.js';

const PASSWORD = 'hunter2-is-secret';
const itOwnServers = ownServer(process.env.TEST_MYSQL_URL ? 'TEST_MYSQL_URL' : 'TEST_REDIS_URL');

interface Report {
  state: string;
  causes: { check: string; reason: string }[];
  checks: Record<string, { state: string; reason?: string }[]>;
}

/** All output of the service. It is searched for secrets at the end. */
const told: string[] = [];
const write = (fields: object, message: string) => void told.push(JSON.stringify(fields) + message);
const log = { debug: write, info: write, warn: write, error: write };

let mariadb: MariaDb;
let cache: Redis;
let downstream: HttpService;
let service: Service;
let client: Client;

beforeAll(async () => {
  [mariadb, cache, downstream] = await Promise.all([
    MariaDb.start(),
    Redis.start({ args: ['--requirepass', PASSWORD] }),
    HttpService.start(),
  ]);
  await mariadb.query(`CREATE USER probe@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`);
  service = createService({
    listen: [{ url: 'pong://127.0.0.1:0' }],
    http: { port: 0 },
    log,
    limits: { pingsPerSecond: 0 },
    checks: {
      db: mysqlCheck({ url: mariadb.url({ user: 'probe', password: PASSWORD }), timeout: 400 }),
      cache: redisCheck({ url: cache.url({ password: PASSWORD }), timeout: 400 }),
      downstream: httpCheck({ url: downstream.url(), timeout: 400 }),
    },
  });
  await service.start();
  client = await connect(service.addresses[0] as string);
}, 60_000);

afterAll(async () => {
  await client?.close();
  await service?.stop();
  await Promise.all([mariadb?.stop(), cache?.stop(), downstream?.stop()]);
});

/** Requests a new run, and records the answer. */
async function ask(): Promise<Report & { status: string; rtt: number }> {
  const pong = await client.ping({ detail: true, maxAge: 0, timeout: 1500 });
  told.push(JSON.stringify(pong));
  return { ...(pong.report as unknown as Report), status: pong.status, rtt: pong.rtt };
}

/** State and reason of each check. */
async function found(): Promise<Record<string, string>> {
  const { checks } = await ask();
  return Object.fromEntries(
    Object.entries(checks).map(([name, [check]]) => [name, [check?.state, check?.reason].filter(Boolean).join(' ')]),
  );
}

async function recovered(): Promise<void> {
  const until = performance.now() + 8000;
  let last: unknown;
  while (performance.now() < until) {
    last = await found();
    if (Object.values(last as object).every((state) => state === 'pass')) return;
  }
  throw new Error(`did not recover: ${JSON.stringify(last)}`);
}

const well = { db: 'pass', cache: 'pass', downstream: 'pass' };

describe('the status of real dependencies', () => {
  it('is pass while all three pass', async () => {
    await recovered();
    expect(await found()).toEqual(well);
    expect((await client.ping()).status).toBe('pass');
  });

  const faults: [string, string, () => Promise<void> | void, () => Promise<void> | void, Record<string, string>][] = [
    ['a frozen MariaDB', 'db', () => mariadb.freeze(), () => mariadb.thaw(), { db: 'fail timeout' }],
    ['a killed MariaDB', 'db', () => mariadb.kill(), () => mariadb.restart(), { db: 'fail refused' }],
    ['a frozen Redis', 'cache', () => cache.freeze(), () => cache.thaw(), { cache: 'fail timeout' }],
    ['a killed Redis', 'cache', () => cache.kill(), () => cache.restart(), { cache: 'fail refused' }],
  ];

  for (const [name, check, break_, mend, expected] of faults) {
    itOwnServers(`${name} is named with its reason, the others stay as they were, and it recovers`, async () => {
      await recovered();
      await break_();
      try {
        // The first run afterwards may still lose its connection.
        await ask();
        expect(await found()).toEqual({ ...well, ...expected });
        const { causes, status } = await ask();
        expect(status).toBe('fail');
        expect(causes.map((cause) => cause.check)).toEqual([check]);
      } finally {
        await mend();
      }
      await recovered();
    });
  }

  it.each([
    ['503', 'fail bad-status'],
    ['hang', 'fail timeout'],
    ['close-in-body', 'fail reset'],
  ] as const)('reports a service that answers %s as %s', async (mode, expected) => {
    await recovered();
    downstream.mode = mode;
    try {
      expect(await found()).toEqual({ ...well, downstream: expected });
    } finally {
      downstream.mode = 'ok';
    }
    await recovered();
  });

  it('is answered by the deadline of the request, with the last known state', async () => {
    await recovered();
    downstream.mode = 'hang';
    try {
      const pong = await client.ping({ maxAge: 0, timeout: 100 });
      expect(pong.stale).toBe(true);
      expect(pong.status).toBe('pass');
      expect(pong.rtt).toBeGreaterThanOrEqual(99);
    } finally {
      downstream.mode = 'ok';
    }
    await recovered();
  });

  it('costs the database at most one query per minInterval during a flood', async () => {
    await recovered();
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(service.addresses[0] as string)));
    const questions = await mariadb.status('Questions');
    const begun = performance.now();
    let pings = 0;
    const flood = clients.map(async (flooding, i) => {
      while (performance.now() - begun < 2000 || pings < 20_000) {
        const batch = Array.from({ length: 50 }, () => flooding.ping(i % 2 === 0 ? { maxAge: 0 } : {}));
        const answered = await Promise.all(batch);
        pings += answered.length;
      }
    });
    await Promise.all(flood);
    const seconds = (performance.now() - begun) / 1000;
    const asked = (await mariadb.status('Questions')) - questions;
    await Promise.all(clients.map((flooding) => flooding.close()));
    // One query per minInterval of 100 ms, one handshake of a new connection every 10 s, and the query of this test.
    expect(asked).toBeLessThanOrEqual(seconds * 11 + 10);
    expect(asked).toBeGreaterThan(5);
  });

  itOwnServers('is in /metrics without any request', async () => {
    const quiet = createService({
      listen: [],
      http: { port: 0 },
      checks: { cache: redisCheck({ url: cache.url({ password: PASSWORD }), timeout: 300, interval: 400 }) },
    });
    await quiet.start();
    try {
      const failing = 'pongcheck_check_status{check="cache",status="fail"} 1';
      await metricsUntil(quiet, (text) => text.includes('pongcheck_check_status{check="cache",status="pass"} 1'));
      await cache.freeze();
      expect(await metricsUntil(quiet, (text) => text.includes(failing))).toContain('reason="timeout"} 1');
    } finally {
      cache.thaw();
      await quiet.stop();
    }
  });

  it('contains no secret', async () => {
    for (const path of ['/health', '/readyz', '/metrics']) {
      told.push(await (await fetch(`${service.httpAddress}${path}`)).text());
    }
    const all = told.join('\n');
    expect(all.length).toBeGreaterThan(1000);
    expect(all).not.toContain(PASSWORD);
    expect(all).not.toContain('probe:');
  });
});

async function metricsUntil(of: Service, condition: (text: string) => boolean): Promise<string> {
  for (;;) {
    const text = await (await fetch(`${of.httpAddress}/metrics`)).text();
    if (condition(text)) return text;
  }
}
