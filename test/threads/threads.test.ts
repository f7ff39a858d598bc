import { once } from 'node:events';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from '@jest/globals';
import { connect, ping } from '../../src/client.js';
import { systemClock } from '../../src/common/clock.js';
import { type Log, silentLog } from '../../src/common/log.js';
import type { CheckResult } from '../../src/health/check.js';
import { formatAddress, type TcpAddress } from '../../src/net/address.js';
import { missingForReusePort } from '../../src/net/reuse-port.js';
import type { PingServer } from '../../src/server/ping-server.js';
import { defaultServerSettings } from '../../src/server/settings.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import type { PingThread } from '../../src/threads/ping-thread.js';
import { ThreadedServer } from '../../src/threads/threaded-server.js';
import { registryOf } from '../health/asking.js';
import { whenClosed } from '../when-closed.js';

const canSharePorts = missingForReusePort(process.version, process.platform) === undefined;
const itWithReusePort = canSharePorts ? it : it.skip;

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
});

/** A started service with PING threads, and its log lines. */
async function started(options: ServiceOptions = {}) {
  const lines: string[] = [];
  const add = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`);
  const log: Log = { debug: add('debug'), info: add('info'), warn: add('warn'), error: add('error') };
  const service = createService({ threads: 1, http: false, listen: [{ url: 'pong://127.0.0.1:0' }], log, ...options });
  services.push(service);
  await service.start();
  const [url = ''] = service.addresses;
  return { service, url, port: Number(new URL(url).port), lines };
}

interface OpenThread extends Pick<PingThread, 'exists' | 'isRunning' | 'restarts' | 'call'> {
  worker: Worker;
}

/** The threads of a server, which are not part of its interface. */
function threadsOf(server: PingServer): [OpenThread, ...OpenThread[]] {
  return (server as unknown as { threads: [OpenThread, ...OpenThread[]] }).threads;
}

async function until(condition: () => unknown): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('a service with one PING thread', () => {
  it('answers from checks on the main thread', async () => {
    const results: CheckResult[] = [{ status: 'warn', reason: 'lag', output: '7 s behind' }, { status: 'fail' }];
    const { url } = await started({
      checks: {
        db: { kind: 'mine', interval: 0, minInterval: 1, run: async () => results.shift() ?? { status: 'pass' } },
      },
    });
    const client = await connect(url);
    expect(await client.ping({ maxAge: 60_000, detail: true })).toMatchObject({
      status: 'warn',
      report: { causes: [{ check: 'db', reason: 'lag', output: '7 s behind' }] },
    });
    expect(await client.ping({ maxAge: 0 })).toMatchObject({ status: 'fail', stale: false });
    expect(await client.ping({ maxAge: 0, checks: ['db'] })).toMatchObject({ status: 'pass' });
    expect(await client.ping({ group: 'none' })).toMatchObject({ status: 'not-found' });
    client.close();
  });

  it('sends events only while they have listeners', async () => {
    const { service, url } = await started();
    const seen: unknown[] = [];
    const onConnect = ({ listener, mode }: { listener: string; mode: string }) =>
      seen.push(['connect', listener, mode]);
    service.events.on('connect', onConnect);
    service.events.on('close', ({ mode }, reason) => seen.push(['close', mode, reason]));
    // The thread receives the list of events before its next answer.
    await service.connections();
    await ping(url);
    await until(() => seen.length === 2);
    service.events.off('connect', onConnect);
    await service.connections();
    await ping(url);
    await until(() => seen.length === 3);
    expect(seen).toEqual([
      ['connect', url, 'undecided'],
      ['close', 'binary', 'answered'],
      ['close', 'binary', 'answered'],
    ]);
  });

  it('lists, protects and closes connections', async () => {
    const { service, port } = await started();
    const sockets = [0, 1].map(() => connectTcp(port, '127.0.0.1'));
    await until(async () => (await service.connections()).length === 2);
    const [first, second] = (await service.connections()).map(({ id }) => id) as [number, number];
    expect(second).toBeGreaterThan(first);
    expect(await service.connections(first)).toMatchObject([{ id: second, protected: false }]);
    expect(await service.protect(first)).toBe(true);
    expect(await service.protect(12_345)).toBe(false);
    const silent = await service.heartbeat({ idle: 0, close: true });
    expect(silent.map(({ id }) => id)).toEqual([first, second]);
    await until(async () => (await service.connections()).length === 1);
    expect(await service.disconnect(second)).toBe(false);
    expect(await service.disconnect(first)).toBe(true);
    await until(async () => (await service.connections()).length === 0);
    expect(service.server.stats.closed).toMatchObject({ idle: 1, 'closed-by-application': 1 });
    for (const socket of sockets) socket.destroy();
  });

  it('applies a reload to open connections', async () => {
    const { service, url } = await started({ tokens: ['before-before-before'] });
    const client = await connect(url, { token: 'before-before-before' });
    const closed = once(client, 'close');
    const { changed } = await service.reload({
      threads: 1,
      http: false,
      listen: [{ url: 'pong://127.0.0.1:0' }],
      tokens: ['after-after-after-after'],
      checks: { db: async () => ({ status: 'fail' }) },
      limits: { maxConnections: 7 },
    });
    expect(changed).toEqual(expect.arrayContaining(['tokens', 'limits.maxConnections']));
    await closed;
    const other = await connect(url, { token: 'after-after-after-after' });
    await until(async () => (await other.ping()).status === 'fail');
    other.close();
    await once(other, 'close');
  });

  it('reports a used address, and leaves no thread behind', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(started({ listen: [{ url: `pong://127.0.0.1:${port}` }] })).rejects.toMatchObject({
      code: 'PONGCHECK_LISTEN',
      message: `cannot listen on pong://127.0.0.1:${port}: another process is listening on it`,
    });
    other.close();
  });

  it('reports draining, sends GOAWAY, and answers until the end of a drain', async () => {
    const { service, url } = await started({ drain: { grace: 400, delay: 0 } });
    const client = await connect(url);
    await client.hello({ name: 'test' });
    const drained = service.drain();
    const [{ graceMs, reconnectAfterMs }] = await once(client, 'goaway');
    expect(reconnectAfterMs).toBeGreaterThan(graceMs);
    expect((await client.ping()).status).toBe('draining');
    client.close();
    await drained;
    await expect(ping(url)).rejects.toMatchObject({ code: 'PONGCHECK_CONNECT' });
  });
});

describe('a PING thread that ends', () => {
  it('is restarted on its port; other threads and the metrics continue', async () => {
    const { service, url, port, lines } = await started();
    const socket = connectTcp(port, '127.0.0.1');
    await until(() => service.server.stats.open === 1);
    await ping(url);
    const [thread] = threadsOf(service.server);
    const broken = whenClosed(socket);
    socket.on('error', () => {});
    await thread.worker.terminate();
    await broken;
    expect(service.server.stats).toMatchObject({ open: 0, waiting: 0 });
    await until(() => thread.isRunning);
    await ping(url);
    expect(thread.restarts).toBe(1);
    expect(service.server.stats.pings.readiness.pass).toBe(2);
    expect(lines).toContain('error PING thread 0 ended (exit code 1); restarting it in 100 ms');
  });

  it('has the settings of a reload that occurred while it was being restarted', async () => {
    const options = { threads: 1, http: false, listen: [{ url: 'pong://127.0.0.1:0' }] } as const;
    const { service, url } = await started({ ...options, tokens: ['before-before-before'] });
    const [thread] = threadsOf(service.server);
    await thread.worker.terminate();
    await until(() => thread.exists);
    expect(thread.isRunning).toBe(false);
    await service.reload({
      ...options,
      listen: [{ url: 'pong://127.0.0.1:0', requireToken: true }],
      tokens: ['after-after-after-after'],
    });
    await until(() => thread.isRunning);
    await expect(ping(url, { token: 'before-before-before' })).rejects.toMatchObject({ message: /invalid token/ });
    await expect(ping(url)).rejects.toMatchObject({ message: /a token is required/ });
    await ping(url, { token: 'after-after-after-after' });
  });

  it('because it has no memory left is restarted, with the reason in the log', async () => {
    const { registry } = registryOf({});
    const lines: string[] = [];
    const log = { ...silentLog, error: (_: object, message: string) => void lines.push(message) };
    const settings = defaultServerSettings;
    const loop = { readinessStall: 0, livenessStall: 0 };
    const onStall = () => {};
    const parts = { threads: 1, health: registry, settings, loop, clock: systemClock, log, onStall, maxHeap: 24 };
    const server = new ThreadedServer(parts);
    const bound = (await server.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 })) as TcpAddress;
    const [thread] = threadsOf(server);
    const { worker } = thread;
    // Deserializing this exceeds the heap limit of the thread.
    worker.postMessage({ kind: 'unknown', objects: Array.from({ length: 2_000_000 }, (_, number) => ({ number })) });
    await until(() => thread.worker !== worker && thread.isRunning);
    await ping(formatAddress(bound));
    await server.close();
    expect(lines).toEqual([
      'PING thread 0 ended (Worker terminated due to reaching memory limit: JS heap out of memory); restarting it in 100 ms',
    ]);
  });
});

describe('a service with two PING threads', () => {
  itWithReusePort('accepts on both, within the limit for all connections together', async () => {
    const { service, port } = await started({
      threads: 2,
      limits: { maxConnections: 60, maxConnectionsPerAddress: 0 },
    });
    const sockets: Socket[] = [];
    for (let i = 0; i < 100; i++) sockets.push(connectTcp(port, '127.0.0.1').on('error', () => {}));
    await until(() => service.server.stats.refused['max-connections'] === 40);
    const infos = await service.connections();
    expect(new Set(infos.map(({ id }) => id)).size).toBe(60);
    const perThread = await Promise.all(threadsOf(service.server).map((thread) => thread.call('infos', 0, 1000)));
    expect(perThread.every(({ length }) => length > 0)).toBe(true);
    for (const socket of sockets) socket.destroy();
    await until(() => service.server.stats.open === 0);
  });

  itWithReusePort('has one limit per address', async () => {
    const { service, port } = await started({ threads: 2, limits: { maxConnectionsPerAddress: 5 } });
    const open = (localAddress: string) => connectTcp({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
    const sockets = Array.from({ length: 60 }, (_, i) => open(`127.0.0.${(i % 3) + 2}`));
    await until(() => service.server.stats.refused['max-connections-per-address'] === 45);
    const counts = new Map<string | undefined, number>();
    for (const { remoteAddress } of await service.connections()) {
      counts.set(remoteAddress, (counts.get(remoteAddress) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([5, 5, 5]);
    for (const socket of sockets) socket.destroy();
  });

  itWithReusePort('does not share its port with another service', async () => {
    const { url } = await started({ threads: 2 });
    await expect(started({ threads: 2, listen: [{ url }] })).rejects.toMatchObject({ code: 'PONGCHECK_LISTEN' });
  });
});

describe('a service whose event loop is blocked', () => {
  it('reads the answers of its threads afterwards, although their timeout has passed', async () => {
    const { service, port, lines } = await started({ loop: { readinessStall: 0, livenessStall: 0 } });
    const socket = connectTcp(port, '127.0.0.1');
    await until(() => service.server.stats.open === 1);
    // Expired timers are called before the next poll.
    await new Promise((resolve) => setImmediate(resolve));
    const infos = service.connections();
    const end = performance.now() + 1200;
    while (performance.now() < end);
    expect(await infos).toHaveLength(1);
    expect(lines).toEqual([]);
    socket.destroy();
  });

  it('answers, and reports first readiness and then liveness as fail, until it is no longer blocked', async () => {
    const { url } = await started({
      loop: { readinessStall: 300, livenessStall: 900 },
      checks: { db: async () => {} },
    });
    const prober = new Worker(new URL('./prober.mjs', import.meta.url), { workerData: url });
    const [ready] = await once(prober, 'message');
    expect(ready).toBe('ready');
    const end = performance.now() + 2000;
    while (performance.now() < end);
    prober.postMessage('turning');
    const [{ statuses, updates, isClosed }] = await once(prober, 'message');
    expect(statuses.slice(0, 4)).toEqual([
      'readiness pass',
      'liveness pass',
      'readiness fail event-loop=loop-blocked',
      'liveness fail event-loop=loop-blocked',
    ]);
    expect(statuses.slice(4).sort()).toEqual(['liveness pass', 'readiness pass']);
    expect(updates).toEqual(['pass', 'fail', 'pass']);
    expect(isClosed).toBe(false);
  });
});
