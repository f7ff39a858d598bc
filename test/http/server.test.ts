import { once } from 'node:events';
import { createServer, METHODS } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../fake-clock.js';
import { whenClosed } from '../when-closed.js';
import { ask, keptConnection } from './asking.js';
import { closeAll, serve, silentConnection } from './served.js';
import { until } from './until.js';

afterEach(closeAll);

/** Node.js 20.19 does not parse QUERY. */
const queryMethod = METHODS.filter((method) => method === 'QUERY');

/** Sends raw HTTP on a new connection, and returns everything received until its end. */
async function speak(url: string, text: string): Promise<string> {
  const socket = await silentConnection(url);
  let heard = '';
  socket.setEncoding('utf8').on('data', (chunk) => (heard += chunk));
  socket.on('error', () => {});
  socket.write(text);
  await whenClosed(socket);
  return heard;
}

describe('the HTTP server', () => {
  it('allows seconds for the rest of a started request', async () => {
    const { server } = await serve();
    const { headersTimeout, requestTimeout } = server.server;
    expect([headersTimeout, requestTimeout]).toEqual([5000, 5000]);
  });

  it('answers many requests on one connection, and sends the keep-alive time', async () => {
    const { url, health } = await serve();
    health.atOnce = 'pass';
    const agent = keptConnection();
    const answers = [];
    for (const path of ['/livez', '/readyz', '/health', '/metrics', '/nowhere']) {
      answers.push(await ask(url + path, { agent }));
    }
    agent.destroy();
    expect(new Set(answers.map(({ port }) => port)).size).toBe(1);
    for (const { headers } of answers) expect(headers['keep-alive']).toBe('timeout=72');
  });

  it('answers 404 with a small JSON body for any other path', async () => {
    const { url } = await serve();
    for (const path of ['/healthz', '/health//', '/HEALTH', '/..%2fetc', '/metrics/x?y=<z>']) {
      const { status, text } = await ask(url + path);
      expect([path, status, Object.keys(JSON.parse(text))]).toEqual([path, 404, ['error']]);
      expect(text.length).toBeLessThan(100);
    }
  });

  it('closes the connection after a GET with a body, which is not read', async () => {
    const { url, health } = await serve();
    health.atOnce = 'pass';
    const heard = await speak(url, 'GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n');
    expect(heard).toMatch(/^HTTP\/1.1 200 .*connection: close/is);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', ...queryMethod])('refuses %s with 405', async (method) => {
    const { url, health } = await serve();
    for (const path of ['/health', '/nowhere']) {
      const { status, headers, text } = await ask(url + path, { method });
      expect([path, status, headers.allow, headers.connection]).toEqual([path, 405, 'GET, HEAD', 'close']);
      expect(Object.keys(JSON.parse(text))).toEqual(['error']);
    }
    expect(health.asked).toEqual([]);
  });

  it('does not read a body, regardless of its announced length', async () => {
    const { url } = await serve();
    const head = 'Host: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n{';
    expect(await speak(url, `POST /health HTTP/1.1\r\n${head}`)).toMatch(/^HTTP\/1.1 405 .*"error"/s);
  });

  it.each([
    ['a path that cannot be decoded', 'GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['data other than HTTP', 'hello\r\n\r\n'],
    ['headers without an end', `GET /health HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
  ])('answers %s with 4xx and no stack trace', async (_, text) => {
    const { url } = await serve();
    const heard = await speak(url, text);
    expect(heard).toMatch(/^HTTP\/1.1 4\d\d /);
    expect(heard).not.toMatch(/node_modules|\.js:|%zz/);
    expect(heard.length).toBeLessThan(500);
  });

  it('sends Connection: close with every response while the service is draining', async () => {
    const { url, health } = await serve();
    health.atOnce = 'draining';
    health.ready = 'draining';
    const agent = keptConnection();
    for (const path of ['/livez', '/health', '/metrics', '/nowhere', '/health?check=a&group=b', '/%zz']) {
      const { headers } = await ask(url + path, { agent });
      expect([path, headers.connection]).toEqual([path, 'close']);
    }
    agent.destroy();
  });

  it('refuses a port in use with a clear description, and leaves nothing open', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await expect(serve({}, { port })).rejects.toMatchObject({
      code: 'PONGCHECK_LISTEN',
      message: `cannot listen on http://127.0.0.1:${port}: another process is listening on it`,
    });
    taken.close();
  });
});

describe('closing the HTTP server', () => {
  it('completes requests in flight, with Connection: close, and accepts no new ones', async () => {
    const { server, url, health } = await serve();
    const agent = keptConnection();
    const answer = ask(`${url}/health`, { agent });
    await until(() => health.asked.length > 0);
    health.ready = 'draining';
    let closed = false;
    const closing = server.close().then(() => (closed = true));
    await until(() => !server.server.listening);
    await expect(ask(`${url}/livez`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(closed).toBe(false);
    health.settle('pass');
    expect(await answer).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await closing;
    agent.destroy();
  });

  it.each([1, 40])('also answers on %i connections that are queued in the kernel', async (count) => {
    const { server, url, health } = await serve({}, { clock: new FakeClock() });
    health.atOnce = 'draining';
    const answers = Array.from({ length: count }, () => ask(`${url}/readyz`));
    // The system calls of `connect` are made before the next tick ends, and the event loop has not turned since.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const closed = server.close();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 503));
    await closed;
  });

  it('ends idle keep-alive connections immediately', async () => {
    const clock = new FakeClock();
    const { server, url, health } = await serve({}, { clock });
    health.atOnce = 'pass';
    const agent = keptConnection();
    await ask(`${url}/livez`, { agent });
    await server.close();
    expect(clock.timers).toBe(0);
    agent.destroy();
  });

  it('waits at most a second for an unanswered request and for a connection without a request', async () => {
    const clock = new FakeClock();
    const { server, url, health } = await serve({}, { clock });
    const answer = ask(`${url}/health`).catch((error) => error.code);
    const silent = await silentConnection(url);
    const ended = once(
      silent.on('error', () => {}),
      'close',
    );
    await until(() => health.asked.length > 0);
    let closed = false;
    const closing = server.close().then(() => (closed = true));
    await until(() => clock.timers > 0);
    await clock.advance(999);
    expect(closed).toBe(false);
    await clock.advance(1);
    await closing;
    await ended;
    expect(await answer).toBe('ECONNRESET');
  });

  it('may be called twice', async () => {
    const { server } = await serve();
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });
});
