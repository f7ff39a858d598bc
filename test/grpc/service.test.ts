import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { connect } from '../../src/client.js';
import type { CheckResult } from '../../src/health/check.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { parseScrape, valueOf } from '../metrics/scrape.js';
import { opened, quiet, start as startPlain } from '../service/started.js';
import { whenClosed } from '../when-closed.js';
import { HealthClient } from './client.js';

const grpc = { port: 0 };

async function start(options: ServiceOptions = {}): Promise<{ service: Service; client: HealthClient }> {
  const service = await startPlain({ grpc, ...options });
  return { service, client: clientOf(service.grpcAddress as string) };
}

function clientOf(...args: ConstructorParameters<typeof HealthClient>): HealthClient {
  const client = new HealthClient(...args);
  opened.push(() => client.close());
  return client;
}

async function until(condition: () => unknown): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A check whose result is set by a test. It runs only on demand, and its result is never shared. */
function own(settings: object = {}) {
  const check = { result: { status: 'pass' } as CheckResult, runs: 0 };
  const definition = {
    kind: 'own',
    interval: 0,
    minInterval: 1,
    maxAge: 0,
    run: async () => {
      check.runs++;
      return check.result;
    },
    ...settings,
  };
  return { check, definition };
}

const metricsOf = async (service: Service) => parseScrape(await service.register.metrics());

describe('Check', () => {
  it('agrees with PING in each state', async () => {
    const { check, definition } = own({ groups: ['readiness', 'shop'] });
    const { service, client } = await start({ checks: { db: definition }, drain: { grace: 60_000, delay: 60_000 } });
    const pong = await connect(service.addresses[0] as string);
    opened.push(() => pong.close());
    const both = async (name: string, request: object) => [await client.check(name), (await pong.ping(request)).status];
    for (const [result, status] of [
      ['pass', 'SERVING'],
      ['warn', 'SERVING'],
      ['fail', 'NOT_SERVING'],
      ['unknown', 'UNKNOWN'],
    ] as const) {
      check.result = { status: result } as CheckResult;
      expect(await both('', {})).toEqual([status, result]);
      expect(await both('readiness', {})).toEqual([status, result]);
      expect(await both('shop', { group: 'shop' })).toEqual([status, result]);
      expect(await both('all', { group: 'all' })).toEqual([status, result]);
      expect(await both('db', { checks: ['db'] })).toEqual([status, result]);
      expect(await both('liveness', { scope: 'liveness' })).toEqual(['SERVING', 'pass']);
      expect(await both('startup', { scope: 'startup' })).toEqual(['SERVING', 'pass']);
      expect(await both('nothing', { group: 'nothing' })).toEqual(['NOT_FOUND', 'not-found']);
    }
    void service.drain();
    expect(await both('', {})).toEqual(['NOT_SERVING', 'draining']);
    expect(await both('db', { checks: ['db'] })).toEqual(['NOT_SERVING', 'draining']);
    expect(await both('startup', { scope: 'startup' })).toEqual(['NOT_SERVING', 'draining']);
    expect(await both('liveness', { scope: 'liveness' })).toEqual(['SERVING', 'pass']);
    expect(await both('nothing', { group: 'nothing' })).toEqual(['NOT_FOUND', 'not-found']);
  });

  it('is NOT_SERVING while starting', async () => {
    const { definition } = own({ run: () => new Promise<void>(() => {}), timeout: 60_000 });
    const { client } = await start({ checks: { db: definition }, ping: { timeout: 0 } });
    expect(await client.check('startup')).toBe('NOT_SERVING');
    expect(await client.check('')).toBe('UNKNOWN');
  });

  it('runs no check whose result is fresh enough', async () => {
    const { check, definition } = own({ maxAge: 60_000 });
    const { client } = await start({ checks: { db: definition } });
    await client.check('');
    await Promise.all(Array.from({ length: 200 }, () => client.check('db')));
    expect(check.runs).toBe(1);
  });

  it('answers by the caller’s deadline with the latest known status, but no later than the timeout of PING', async () => {
    const { check, definition } = own();
    let isHanging = false;
    const run = async () => (isHanging ? new Promise<CheckResult>(() => {}) : check.result);
    const checks = { db: { ...definition, run, timeout: 60_000 } };
    const { service, client } = await start({ checks, ping: { timeout: 60_000, maxTimeout: 60_000 } });
    expect(await client.check('')).toBe('SERVING');
    isHanging = true;
    // Without a margin, the result would be DEADLINE_EXCEEDED.
    expect(await client.check('', Date.now() + 1000)).toBe('SERVING');
    await service.reload({ ...quiet, grpc, checks, ping: { timeout: 50 } });
    expect(await client.check('')).toBe('SERVING');
    expect(await client.check('', Date.now() + 60_000)).toBe('SERVING');
    expect(await client.list()).toMatch(/^0a/);
  });

  it('is INTERNAL for an invalid request, and RESOURCE_EXHAUSTED for one that is too long', async () => {
    const { client } = await start();
    expect(await client.raw(Buffer.from('0aff', 'hex'))).toBe('INTERNAL');
    expect(await client.raw(Buffer.from('0a02c328', 'hex'))).toBe('INTERNAL');
    expect(await client.raw(Buffer.alloc(5000))).toBe('RESOURCE_EXHAUSTED');
    expect(await client.check('')).toBe('SERVING');
  });
});

describe('List', () => {
  it('contains the scopes and groups, but no names of checks', async () => {
    const { client } = await start({ checks: { secret: Object.assign(own().definition, { groups: ['shop'] }) } });
    await client.check('shop');
    const entry = (name: string, status: number) => {
      const key = Buffer.from(name).toString('hex');
      return `0a${(name.length + 6).toString(16).padStart(2, '0')}0a${name.length.toString(16).padStart(2, '0')}${key}12020${8}0${status}`;
    };
    const names = ['', 'readiness', 'liveness', 'startup', 'all', 'shop'];
    expect(await client.list()).toBe(names.map((name) => entry(name, 1)).join(''));
  });
});

describe('Watch', () => {
  it('sends the current status, then each change, and nothing if the status is the same', async () => {
    const { check, definition } = own({ interval: 5, maxAge: 60_000 });
    const { client } = await start({ checks: { db: definition } });
    const [whole, db, liveness] = [client.watch(''), client.watch('db'), client.watch('liveness')];
    await until(() => whole.seen.at(-1) === 'SERVING' && db.seen.at(-1) === 'SERVING');
    whole.seen.length = 0;
    db.seen.length = 0;
    const set = async (status: string) => {
      check.result = { status } as CheckResult;
      const runs = check.runs + 2;
      await until(() => check.runs >= runs);
    };
    await set('warn');
    await set('fail');
    await set('unknown');
    await set('pass');
    expect(await whole.receives(3)).toEqual(['NOT_SERVING', 'UNKNOWN', 'SERVING']);
    expect(await db.receives(3)).toEqual(['NOT_SERVING', 'UNKNOWN', 'SERVING']);
    expect(liveness.seen).toEqual(['SERVING']);
    for (const call of [whole, db, liveness]) call.cancel();
  });

  it('of an unknown service stays open, and reports a check or a group that a reload adds or removes', async () => {
    const { service, client } = await start();
    const [check, group] = [client.watch('db'), client.watch('shop')];
    expect(await check.receives(1)).toEqual(['SERVICE_UNKNOWN']);
    expect(await group.receives(1)).toEqual(['SERVICE_UNKNOWN']);
    const { definition } = own({ maxAge: 60_000, groups: ['shop'] });
    await service.reload({ ...quiet, grpc, checks: { db: definition } });
    await until(() => check.seen.at(-1) === 'SERVING' && group.seen.at(-1) === 'SERVING');
    await service.reload({ ...quiet, grpc });
    await until(() => check.seen.at(-1) === 'SERVICE_UNKNOWN' && group.seen.at(-1) === 'SERVICE_UNKNOWN');
  });

  it('becomes NOT_SERVING when a drain begins, and UNAVAILABLE at its end', async () => {
    const { service, client } = await start({ drain: { grace: 300, delay: 300 } });
    const watch = client.watch('');
    await watch.receives(1);
    const drained = service.drain();
    expect(await watch.receives(2)).toEqual(['SERVING', 'NOT_SERVING']);
    expect(await client.check('')).toBe('NOT_SERVING');
    await drained;
    expect(await watch.receives(3)).toEqual(['SERVING', 'NOT_SERVING', 'UNAVAILABLE']);
  });

  it('is refused if limits.maxWatchedSelections different checks are watched', async () => {
    const checks = { a: own().definition, b: own().definition };
    const { service, client } = await start({ checks, limits: { maxWatchedSelections: 1 } });
    const [first, again, other, scope] = ['a', 'a', 'b', ''].map((name) => client.watch(name));
    expect(await other?.receives(1)).toEqual(['RESOURCE_EXHAUSTED']);
    await Promise.all([first, again, scope].map((watch) => watch?.receives(1)));
    const families = await metricsOf(service);
    expect(valueOf(families, 'pongcheck_grpc_watches')).toBe(3);
    expect(valueOf(families, 'pongcheck_grpc_refused_total', { reason: 'max-watches' })).toBe(1);
    first?.cancel();
    again?.cancel();
    await until(async () => valueOf(await metricsOf(service), 'pongcheck_grpc_watches') === 1);
    const later = client.watch('b');
    expect((await later.receives(1)).includes('RESOURCE_EXHAUSTED')).toBe(false);
  });

  it('is counted while it is open', async () => {
    const { service, client } = await start();
    const value = async (name: string, labels = {}) =>
      valueOf(await metricsOf(service), `pongcheck_grpc_${name}`, labels);
    const watch = client.watch('');
    await watch.receives(1);
    expect(await client.check('nothing')).toBe('NOT_FOUND');
    expect(await value('watches')).toBe(1);
    expect(await value('connections')).toBe(1);
    expect(await value('answers_total', { method: 'Watch', status: 'SERVING' })).toBe(1);
    expect(await value('answers_total', { method: 'Check', status: 'NOT_FOUND' })).toBe(1);
    watch.cancel();
    await until(async () => (await value('watches')) === 0);
    client.close();
    await until(async () => (await value('connections')) === 0);
  });
});

describe('the limits of the listener', () => {
  const open = async (address: string) => {
    const socket = connectTcp(Number(address.split(':')[1]), '127.0.0.1').on('error', () => {});
    opened.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  const closed = (socket: Socket) => socket.destroyed || whenClosed(socket.resume());

  it.each([
    ['max-connections', { maxConnections: 2 }],
    ['max-connections-per-address', { maxConnectionsPerAddress: 2 }],
  ])('%s closes further connections, and a reload changes it', async (reason, limit) => {
    const { service } = await start({ grpc: { ...grpc, ...limit } });
    const address = service.grpcAddress as string;
    const [first] = [await open(address), await open(address)];
    await closed(await open(address));
    expect(valueOf(await metricsOf(service), 'pongcheck_grpc_refused_total', { reason })).toBe(1);
    const [[key, value]] = Object.entries(limit) as [[string, number]];
    const result = await service.reload({ ...quiet, grpc: { ...grpc, [key]: value + 1 } });
    expect(result).toMatchObject({ changed: [`grpc.${key}`], needsRestart: [] });
    expect(await clientOf(address).check('')).toBe('SERVING');
    first.destroy();
  });

  it('closes a connection without the HTTP/2 preface after limits.handshakeTimeout', async () => {
    const { service } = await start({ limits: { handshakeTimeout: 50 } });
    const [silent, short] = [await open(service.grpcAddress as string), await open(service.grpcAddress as string)];
    short.write('PRI * HTTP');
    await Promise.all([closed(silent), closed(short)]);
    const http1 = await open(service.grpcAddress as string);
    http1.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await closed(http1);
  });
});

describe('the option grpc', () => {
  it('is off by default, and its address needs a restart to change', async () => {
    const service = await startPlain();
    expect(service.grpcAddress).toBeUndefined();
    expect((await metricsOf(service)).get('pongcheck_grpc_connections')?.samples).toEqual([]);
    expect((await service.reload({ ...quiet, grpc })).needsRestart).toEqual(['grpc']);
    const other = (await start()).service;
    expect((await other.reload({ ...quiet, grpc: { host: '::1', port: 1 } })).needsRestart).toEqual([
      'grpc.host',
      'grpc.port',
    ]);
  });

  it('reports a used address', async () => {
    const { service } = await start();
    const port = Number(service.grpcAddress?.split(':')[1]);
    const other = createService({ ...quiet, grpc: { port } });
    await expect(other.start()).rejects.toMatchObject({
      code: 'PONGCHECK_LISTEN',
      message: `cannot listen on grpc 127.0.0.1:${port}: another process is listening on it`,
    });
  });
});

describe('addGrpcHealth', () => {
  it('adds the service to a server of the application, until the end of the service', async () => {
    const server = new Server();
    const service = createService({ ...quiet, checks: { db: async () => {} } });
    opened.push(() => service.stop());
    service.addGrpcHealth(server);
    expect(() => service.addGrpcHealth(server)).toThrow(/already/);
    const port = await new Promise<number>((resolve) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => resolve(bound)),
    );
    opened.push(() => server.forceShutdown());
    const client = clientOf(`127.0.0.1:${port}`);
    await service.start();
    expect(await client.check('')).toBe('SERVING');
    const watch = client.watch('');
    await watch.receives(1);
    expect(valueOf(await metricsOf(service), 'pongcheck_grpc_watches')).toBe(1);
    await service.stop();
    expect((await watch.receives(3)).slice(-2)).toEqual(['NOT_SERVING', 'UNAVAILABLE']);
    expect(await client.check('')).toBe('NOT_SERVING');
  });
});
