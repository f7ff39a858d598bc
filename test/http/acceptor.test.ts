import { get } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { silentLog } from '../../src/common/log.js';
import { HttpStats } from '../../src/metrics/http-stats.js';
import { LiveCertificate } from '../../src/server/certificates/live-certificate.js';
import { FakeClock } from '../fake-clock.js';
import { Authority } from '../live/certificate.js';
import { ask, keptConnection } from './asking.js';
import { closeAll, serve, silentConnection } from './served.js';
import { until } from './until.js';

const authority = new Authority();
afterAll(() => authority.remove());
afterEach(closeAll);

async function limited(limits: { maxConnections?: number; maxConnectionsPerAddress?: number }, tls = false) {
  const clock = new FakeClock();
  const stats = new HttpStats();
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, message: string) => warnings.push(message) };
  const certificate = tls ? await LiveCertificate.open(authority.issue(), 'http') : undefined;
  const metrics = async () => 'x'.repeat(16 * 1024 * 1024);
  const register = () => ({ contentType: 'text/plain', metrics });
  const served = await serve({ limits, stats, log, certificate, register }, { clock });
  served.health.atOnce = 'pass';
  return { ...served, clock, stats, warnings };
}

/** An accepted connection that has sent no request. */
async function silent(url: string, stats: HttpStats): Promise<Socket> {
  const before = stats.open;
  const socket = await silentConnection(url);
  socket.on('error', () => {});
  await until(() => stats.open > before);
  return socket;
}

function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.on('close', () => resolve()));
}

const livez = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';

describe('a full HTTP server', () => {
  it.each([
    ['sends nothing', ''],
    ['has started a request', 'GET /livez HT'],
  ])('closes the oldest connection that %s for a new one, and logs it', async (_, said) => {
    const { url, stats, warnings } = await limited({ maxConnections: 3 });
    const first = await silent(url, stats);
    first.write(said);
    await silent(url, stats);
    await silent(url, stats);
    const closed = closeOf(first);
    expect((await ask(`${url}/livez`)).status).toBe(200);
    await closed;
    expect([stats.closed['made-room-unused'], stats.limit]).toEqual([1, 3]);
    expect(warnings).toEqual(['http.maxConnections reached: closed the oldest connection without a request']);
  });

  it('closes idle connections only if each has sent a request', async () => {
    const { url, stats } = await limited({ maxConnections: 2 });
    const agent = keptConnection();
    await ask(`${url}/livez`, { agent });
    const unused = await silent(url, stats);
    const closed = closeOf(unused);
    const other = keptConnection();
    await ask(`${url}/livez`, { agent: other });
    await closed;
    await ask(`${url}/livez`);
    expect([stats.closed['made-room-unused'], stats.closed['made-room-idle']]).toEqual([1, 1]);
    agent.destroy();
    other.destroy();
  });

  it('refuses a new connection if all are waiting for responses', async () => {
    const { url, health, stats, warnings } = await limited({ maxConnections: 2 });
    health.atOnce = undefined;
    const answers = [ask(`${url}/health`), ask(`${url}/health`)];
    await until(() => health.asked.length === 2);
    await expect(ask(`${url}/livez`)).rejects.toMatchObject({ code: expect.stringMatching(/^ECONN|EPIPE/) });
    expect(stats.refused['max-connections']).toBe(1);
    expect(warnings).toEqual(['refused an HTTP connection: http.maxConnections reached, and all are busy']);
    health.settle('pass', { count: 2 });
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
  });

  it('closes a connection that does not read its response', async () => {
    const { url, stats, clock } = await limited({ maxConnections: 1 });
    const greedy = await silent(url, stats);
    greedy.pause().write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    // Until the kernel accepts no more data, the client counts as reading.
    for (let status = 0; status !== 200; ) {
      await clock.advance(1000);
      status = await ask(`${url}/livez`).then(
        (answer) => answer.status,
        () => 0,
      );
    }
    expect(stats.closed['made-room-unread']).toBe(1);
  });

  it('refuses connections from one address beyond its limit', async () => {
    const { url, stats } = await limited({ maxConnectionsPerAddress: 2 });
    const first = await silent(url, stats);
    await silent(url, stats);
    await expect(ask(`${url}/livez`)).rejects.toThrow();
    expect(stats.refused['max-connections-per-address']).toBe(1);
    first.destroy();
    await until(() => stats.open === 1);
    expect((await ask(`${url}/livez`)).status).toBe(200);
  });
});

describe('a connection', () => {
  it('is closed with more than four unanswered requests, before the others are answered', async () => {
    const { url, stats, health } = await limited({});
    health.atOnce = undefined;
    const socket = await silent(url, stats);
    const closed = closeOf(socket);
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2000));
    await closed;
    expect(health.asked.length).toBeLessThanOrEqual(4);
    expect([stats.closed.pipelining, stats.open]).toEqual([1, 0]);
  });

  it('that disconnects without a request is removed immediately', async () => {
    const { url, stats } = await limited({});
    (await silent(url, stats)).end();
    await until(() => stats.open === 0);
  });

  it('may have four unanswered requests', async () => {
    const { url, stats } = await limited({});
    const socket = await silent(url, stats);
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk));
    socket.write(livez.repeat(4));
    await until(() => heard.split('HTTP/1.1 200').length === 5);
    expect(stats.closed.pipelining).toBe(0);
  });

  it('is closed when it has not read its response for 10 s', async () => {
    const { url, stats, clock } = await limited({});
    const socket = await silent(url, stats);
    socket.pause().write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    while (stats.open === 1) await clock.advance(1000);
    expect(stats.closed.unread).toBe(1);
  });

  it.each([
    ['that has sent no request', ''],
    ['that is idle', livez],
  ])('%s stays open longer than the 60 s of a load balancer, and is closed after 72 s', async (_, said) => {
    const { url, stats, clock, warnings } = await limited({});
    const socket = await silent(url, stats);
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk));
    socket.write(said);
    if (said) await until(() => heard.includes('200'));
    await clock.advance(70_000);
    expect(stats.open).toBe(1);
    const closed = closeOf(socket);
    await clock.advance(4000);
    await closed;
    expect([stats.closed['idle-timeout'], warnings]).toEqual([1, []]);
  });

  it('receives 408 if its request is not completed', async () => {
    const { url, server, stats } = await limited({});
    server.server.headersTimeout = 100;
    const socket = await silent(url, stats);
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk));
    socket.write('GET /livez HTTP/1.1\r\nHo');
    await closeOf(socket);
    expect(heard).toMatch(/^HTTP\/1.1 408 /);
    expect(stats.closed['request-timeout']).toBe(1);
  });

  it('is not closed because of a stall of the server', async () => {
    const { url, stats, clock } = await limited({});
    await silent(url, stats);
    clock.jump(80_000);
    await clock.advance(0);
    expect(stats.open).toBe(1);
    await clock.advance(1000);
    expect(stats.open).toBe(0);
  });
});

describe('HTTP over TLS', () => {
  it.each([
    ['sends nothing', ''],
    ['does not complete a handshake', '\x16\x03\x01'],
  ])('closes a client that %s after 5 s', async (_, said) => {
    const { url, stats, clock, warnings } = await limited({}, true);
    const socket = await silent(url, stats);
    socket.write(said);
    const closed = closeOf(socket);
    await clock.advance(4000);
    expect(stats.open).toBe(1);
    await clock.advance(2000);
    await closed;
    expect(stats.closed['handshake-timeout']).toBe(1);
    expect(warnings).toEqual(['closed an HTTP connection: TLS handshake timed out']);
  });

  it.each([
    ['are incomplete', '\x16\x03\x01\x02\x00\x01', 20],
    ['make no progress', undefined, 200],
  ])('completes a handshake while others %s', async (_, said, count) => {
    const { url, stats, clock } = await limited({ maxConnections: count }, true);
    const hello = said ?? (await clientHello());
    for (let n = 0; n < count; n++) (await silent(url, stats)).on('data', () => {}).write(hello, 'latin1');
    let status: unknown;
    get(`${url}/livez`, { agent: false, rejectUnauthorized: false }, (response) => {
      status = response.resume().statusCode;
    }).on('error', (error) => (status = error));
    // Handshakes in progress are limited to 100 ms while another one is waiting.
    for (let waited = 0; status === undefined && waited < 4000; waited += 50) await clock.advance(50);
    await until(() => status !== undefined);
    expect(status).toBe(200);
    expect(stats.closed['made-room-unused']).toBe(1);
  });
});

/** A ClientHello from a TLS client. */
function clientHello(): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.once('data', (bytes) => {
        socket.destroy();
        server.close();
        resolve(bytes.toString('latin1'));
      });
    }).listen(0, '127.0.0.1', () => {
      connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }).on('error', () => {});
    });
  });
}
