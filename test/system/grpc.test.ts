import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Client, connect } from '../../src/client.js';
import { decodeRequest, encodeList, encodeResponse, ServingStatus } from '../../src/grpc/messages.js';
import { Redis } from '../live/redis.js';
import { parseScrape, valueOf } from '../metrics/scrape.js';
import type { Program } from './program.js';
import { Responder } from './responder.js';
import { Trial } from './trial.js';

const trial = new Trial();
/** Debian's Python, which has grpcio. Another one may come first on the PATH. */
const PYTHON = '/usr/bin/python3';
const program = (...args: string[]) =>
  trial.program([PYTHON, join(process.cwd(), 'test', 'system', 'programs', 'grpc_health.py'), ...args]);

const statusOf: Readonly<Record<string, string>> = {
  pass: 'SERVING',
  warn: 'SERVING',
  fail: 'NOT_SERVING',
  draining: 'NOT_SERVING',
  starting: 'NOT_SERVING',
  unknown: 'UNKNOWN',
  'not-found': 'NOT_FOUND',
};

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await trial.close();
});

interface Started {
  responder: Responder;
  /** HOST:PORT of the gRPC server. */
  address: string;
  python: Program;
  client: Client;
}

async function start(config: object, options: Parameters<typeof Responder.start>[2] = {}): Promise<Started> {
  const responder = await Responder.start(trial, { grpc: '127.0.0.1:0', ...config }, options);
  closing.push(() => responder.close());
  const { address } = await responder.program.says(/^gRPC: /);
  const python = program(address);
  await python.says('up');
  const client = await connect(`pong://127.0.0.1:${responder.port}`);
  closing.push(() => client.close());
  return { responder, address, python, client };
}

async function check(python: Program, service: string, timeout?: number): Promise<string> {
  return (await python.ask({ check: service, timeout }, 'checked')).status;
}

/** The statuses that a Watch has received. */
const watched = (python: Program, service: string) =>
  python
    .all('watched')
    .filter((said) => said.service === service)
    .map(({ status }) => status);

async function until(condition: () => unknown): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/**
 * Arguments for h2load: this number of calls for the empty service on `clients` connections, with `streams` in flight
 * on each.
 */
function requests(method: string, address: string, count: number, clients: number, streams: number): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-h2load-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'request');
  writeFileSync(file, Buffer.alloc(5));
  const headers = ['content-type: application/grpc', 'te: trailers'].flatMap((header) => ['-H', header]);
  const size = ['-n', `${count}`, '-c', `${clients}`, '-m', `${streams}`];
  return [...size, '-d', file, ...headers, `http://${address}/grpc.health.v1.Health/${method}`];
}

const varint = fc.nat(2 ** 21 - 1).map((value) => {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) {
    bytes.push((bytes.pop() as number) | 0x80, rest & 0x7f);
  }
  return Buffer.from(bytes);
});
const bytes = (minLength: number, maxLength = minLength) =>
  fc.uint8Array({ minLength, maxLength }).map((some) => Buffer.from(some));
const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((some) => Buffer.from(some));
/** Field contents by wire type. Groups are omitted, because protobuf still reads them but they are refused here. */
const contents = fc.oneof(
  fc.tuple(fc.constant(0), varint),
  fc.tuple(fc.constant(1), bytes(8)),
  fc.tuple(
    fc.constant(2),
    fc.oneof(text, bytes(0, 20)).map((content) => Buffer.concat([Buffer.from([content.length]), content])),
  ),
  fc.tuple(fc.constant(5), bytes(4)),
);
const field = fc
  .tuple(fc.integer({ min: 1, max: 15 }), contents)
  .map(([number, [type, content]]) => Buffer.concat([Buffer.from([(number << 3) | type]), content]));
/** A message with arbitrary fields, which may be truncated. */
const anyMessage = fc
  .tuple(fc.array(field, { maxLength: 5 }), fc.nat(3))
  .map(([fields, missing]) => Buffer.concat(fields).subarray(0, missing > 1 ? -missing : undefined));

/** The name in a request; null if the request is refused. */
function decoded(bytes: Uint8Array): string | null {
  try {
    return decodeRequest(Buffer.from(bytes)).service;
  } catch {
    return null;
  }
}

describe('the messages', () => {
  it('are those of protobuf', async () => {
    const python = program();
    await python.says('up');
    const names = fc.sample(fc.string({ unit: 'grapheme', maxLength: 100 }), { numRuns: 200, seed: 1 });
    for (const service of ['', 'data', ...names]) {
      const { hex } = await python.ask({ encode: service }, 'encoded');
      expect(decodeRequest(Buffer.from(hex, 'hex'))).toEqual({ service });
    }
    for (const some of fc.sample(anyMessage, { numRuns: 2000, seed: 1 })) {
      const hex = Buffer.from(some).toString('hex');
      const { service } = await python.ask({ parse: hex }, 'parsed');
      expect([hex, decoded(some)]).toEqual([hex, service]);
    }
    for (const [name, status] of Object.entries(ServingStatus)) {
      const hex = encodeResponse(status).toString('hex');
      expect((await python.ask({ response: hex }, 'response')).status).toBe(name);
    }
    const list = new Map(['', ...names].map((name, index) => [name, (index % 4) as ServingStatus]));
    const said = await python.ask({ statuses: encodeList(list).toString('hex') }, 'statuses');
    const namesOf = Object.keys(ServingStatus);
    expect(said.statuses).toEqual(Object.fromEntries([...list].map(([name, status]) => [name, namesOf[status]])));
  });
});

describe.each([0, 1])('a gRPC client, with %d threads', (threads) => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await Redis.start();
  });
  afterAll(() => redis.stop());

  it('agrees with PING and WATCH in each state, through a Redis that freezes', async () => {
    const settings = { kind: 'redis', url: redis.url(), interval: '200ms', timeout: '300ms' };
    const checks = { cache: { ...settings, groups: ['readiness', 'shop'] }, soft: { ...settings, critical: false } };
    const drain = { grace: '4s', delay: '3s' };
    const { responder, python, client } = await start({ threads, checks, drain });
    const services: [service: string, request: object][] = [
      ['', {}],
      ['readiness', {}],
      ['liveness', { scope: 'liveness' }],
      ['startup', { scope: 'startup' }],
      ['shop', { group: 'shop' }],
      ['all', { group: 'all' }],
      ['cache', { checks: ['cache'] }],
      ['soft', { checks: ['soft'] }],
      ['none', { checks: ['none'] }],
    ];
    for (const [service] of services) python.send({ watch: service });
    const updates: string[] = [];
    void (async () => {
      for await (const { status } of client.watch()) updates.push(status);
    })().catch(() => {});
    /** Waits until readiness has this status, and compares all services. */
    const agree = async (status: string) => {
      await until(async () => (await client.ping()).status === status);
      for (const [service, request] of services) {
        const expected = statusOf[(await client.ping(request)).status] as string;
        expect([status, service, await check(python, service)]).toEqual([status, service, expected]);
        const pushed = expected === 'NOT_FOUND' ? 'SERVICE_UNKNOWN' : expected;
        await until(() => watched(python, service).at(-1) === pushed);
      }
      const { statuses } = await python.ask({ list: true }, 'listed');
      expect(Object.keys(statuses).sort()).toEqual(['', 'all', 'liveness', 'readiness', 'shop', 'startup']);
      for (const [service, listed] of Object.entries(statuses)) {
        expect([service, listed]).toEqual([service, watched(python, service).at(-1)]);
      }
    };
    await agree('pass');
    await redis.freeze();
    await agree('fail');
    redis.thaw();
    await agree('pass');
    await redis.kill();
    await agree('fail');
    await redis.restart();
    await agree('pass');
    responder.program.signal('SIGTERM');
    await agree('draining');
    expect(await responder.program.exit()).toBe(0);
    // The service ended the Watch, but not the connection.
    await until(() => watched(python, '').at(-1) === 'UNAVAILABLE');
    const own = watched(python, '').slice(0, -1);
    const byWatch = updates.map((status) => statusOf[status] as string);
    expect(own).toEqual(byWatch.filter((status, index) => status !== byWatch[index - 1]));
    expect(watched(python, 'liveness')).toEqual(['SERVING', 'UNAVAILABLE']);
    expect(watched(python, 'none')).toEqual(['SERVICE_UNKNOWN', 'UNAVAILABLE']);
  });

  it('receives an answer by its deadline while Redis is frozen', async () => {
    const cache = { kind: 'redis', url: redis.url(), interval: 0, maxAge: 0, timeout: '20s' };
    const { python } = await start({ threads, checks: { cache }, ping: { timeout: '10s' } });
    expect(await check(python, '')).toBe('SERVING');
    await redis.freeze();
    try {
      expect(await check(python, '', 1)).toBe('SERVING');
      expect(await check(python, 'liveness', 1)).toBe('SERVING');
    } finally {
      redis.thaw();
    }
  });

  it('that sends thousands of Checks per second runs no check more often than its max age allows', async () => {
    const MAX_AGE_MS = 500;
    const settings = { kind: 'redis', url: redis.url(), interval: 0, maxAge: `${MAX_AGE_MS}ms`, timeout: '300ms' };
    const { responder, address, python } = await start({ threads, checks: { cache: settings } });
    const metric = async (name: string, labels: Record<string, string>) =>
      valueOf(parseScrape(await responder.text('/metrics')), name, labels);
    const runs = () => metric('pongcheck_check_runs_total', { check: 'cache' });
    const load = async (checks: number) => {
      const { stdout } = await promisify(execFile)('h2load', requests('Check', address, checks, 4, 50));
      expect(stdout).toContain(`${checks} done, ${checks} succeeded, 0 failed, 0 errored, 0 timeout`);
      return Number(/finished in .*, ([\d.]+) req\/s/.exec(stdout)?.[1]);
    };
    expect(await check(python, '')).toBe('SERVING');
    const measure = async (status: string) => {
      const answered = () => metric('pongcheck_grpc_answers_total', { method: 'Check', status });
      const before = { at: performance.now(), runs: await runs(), answered: await answered() };
      const perSecond = await load(20_000);
      expect((await answered()) - before.answered).toBe(20_000);
      const elapsed = performance.now() - before.at;
      const more = (await runs()) - before.runs;
      process.stderr.write(`${threads} threads, ${status}: ${perSecond} Checks/s, ${more} runs in ${elapsed} ms\n`);
      expect(more).toBeLessThanOrEqual(Math.ceil(elapsed / MAX_AGE_MS) + 1);
    };
    await measure('SERVING');
    await redis.freeze();
    try {
      await until(async () => (await check(python, '')) === 'NOT_SERVING');
      await measure('NOT_SERVING');
    } finally {
      redis.thaw();
    }
  });

  it.each([
    // One of the 90 connections is that of Python. Each of the others has as many Watches as streams.
    ['connections', 150, 90, 8900],
    ['watches', 101, 1000, 10_000],
  ])('that opens too many %s, and is killed, does not affect others', async (what, clients, maxConnections, most) => {
    const { responder, address, python } = await start({
      threads,
      grpc: { host: '127.0.0.1', port: 0, maxConnections },
    });
    expect(await check(python, '')).toBe('SERVING');
    const metric = async (name: string, labels = {}) =>
      valueOf(parseScrape(await responder.text('/metrics')), `pongcheck_grpc_${name}`, labels);
    const flood = trial.program(['h2load', ...requests('Watch', address, clients * 1000, clients, 200)]);
    await until(async () => (await metric('watches')) === most);
    await until(async () => Number(await metric('refused_total', { reason: `max-${what}` })) > 0);
    expect(await check(python, '', 5)).toBe('SERVING');
    await flood.kill();
    await until(async () => (await metric('watches')) === 0 && (await metric('connections')) === 1);
    expect(await check(python, '', 5)).toBe('SERVING');
  });
});
