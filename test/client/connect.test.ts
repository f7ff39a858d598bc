import { once } from 'node:events';
import type { LookupFunction } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { connectFailure } from '../../src/client/errors.js';
import { Client, connect, PongcheckError } from '../../src/client.js';
import { FakeClock } from '../fake-clock.js';
import { passing } from './scripted-server.js';
import { rejection, setting } from './setting.js';

/** A name service that never answers. */
const silence: LookupFunction = () => {};

function resolvesTo(...addresses: string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return (_host, _options, callback) => callback(null, found);
}

/** A loopback port on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

describe('connect', () => {
  const { serve, connected } = setting();

  it('resolves with a client that has its address', async () => {
    const server = await serve(passing);
    const client = await connected(server);
    expect(client).toBeInstanceOf(Client);
    expect(client.address).toEqual({ kind: 'tcp', host: '127.0.0.1', port: server.port });
    expect((await client.ping()).status).toBe('pass');
  });

  it('accepts an Address object', async () => {
    const server = await serve(passing);
    const client = await connect({ kind: 'tcp', host: '127.0.0.1', port: server.port });
    expect((await client.ping()).status).toBe('pass');
    await client.close();
  });

  it('reports in one sentence that nothing is listening', async () => {
    const port = await freePort();
    const error = await rejection(connect(`127.0.0.1:${port}`));
    expect(error).toBeInstanceOf(PongcheckError);
    expect(error.code).toBe('PONGCHECK_CONNECT');
    expect(error.message).toBe(`127.0.0.1:${port} refused the connection: nothing is listening there`);
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('tries the next address of a name when the first refuses', async () => {
    const server = await serve(passing);
    const client = await connect(`pong://many.test:${server.port}`, { lookup: resolvesTo('::1', '127.0.0.1') });
    expect((await client.ping()).healthy).toBe(true);
    await client.close();
  });

  it('reports a refusal when no address of a name accepts', async () => {
    const port = await freePort();
    const error = await rejection(connect(`many.test:${port}`, { lookup: resolvesTo('::1', '127.0.0.1') }));
    expect(error.code).toBe('PONGCHECK_CONNECT');
    expect(error.message).toBe(`many.test:${port} refused the connection: nothing is listening there`);
    expect((error.cause as { errors: unknown[] }).errors).toHaveLength(2);
  });

  it('reports an unknown host name', async () => {
    const lookup: LookupFunction = (_host, _options, callback) =>
      callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), '', 0);
    const error = await rejection(connect('no.test', { lookup }));
    expect(error.code).toBe('PONGCHECK_CONNECT');
    expect(error.message).toBe('no.test:7464 could not be resolved: unknown host name');
  });

  it.each([
    ['ECONNRESET', 'PONGCHECK_CONNECT', 'a.test:1 reset the connection before it was established'],
    ['EAI_AGAIN', 'PONGCHECK_CONNECT', 'a.test:1 could not be resolved: the DNS server did not answer'],
    ['EHOSTUNREACH', 'PONGCHECK_CONNECT', 'a.test:1 could not be reached: no route to the host'],
    ['ENETUNREACH', 'PONGCHECK_CONNECT', 'a.test:1 could not be reached: no route to the network'],
    ['EMFILE', 'PONGCHECK_CONNECT', 'a.test:1 could not be reached: this process has too many open files'],
    ['EWHATEVER', 'PONGCHECK_CONNECT', 'a.test:1 could not be reached (EWHATEVER)'],
    ['ETIMEDOUT', 'PONGCHECK_TIMEOUT', 'a.test:1 did not accept the connection in time'],
  ])('has a description for %s', (code, expected, message) => {
    const cause = Object.assign(new Error(), { code });
    const error = connectFailure({ kind: 'tcp', host: 'a.test', port: 1 }, cause);
    expect(error).toMatchObject({ code: expected, message, cause });
  });

  it('reports a refusal if one address refuses and another is unreachable', () => {
    const errors = ['ENETUNREACH', 'ECONNREFUSED'].map((code) => Object.assign(new Error(), { code }));
    const cause = Object.assign(new AggregateError(errors), { code: 'ENETUNREACH' });
    const { message } = connectFailure({ kind: 'tcp', host: 'a.test', port: 1 }, cause);
    expect(message).toBe('a.test:1 refused the connection: nothing is listening there');
  });

  it('times out after 5 s, not before', async () => {
    const clock = new FakeClock();
    const attempt = rejection(connect('slow.test:1', { clock, lookup: silence }));
    await clock.advance(4999);
    await expect(Promise.race([attempt, 'waiting'])).resolves.toBe('waiting');
    await clock.advance(1);
    const error = await attempt;
    expect(error.code).toBe('PONGCHECK_TIMEOUT');
    expect(error.message).toBe('slow.test:1 did not accept the connection within 5 s');
    expect(clock.timers).toBe(0);
  });

  it('times out after connectTimeout', async () => {
    const clock = new FakeClock();
    const attempt = rejection(connect('slow.test:1', { clock, lookup: silence, connectTimeout: 250 }));
    await clock.advance(250);
    expect((await attempt).message).toBe('slow.test:1 did not accept the connection within 0.25 s');
  });

  it('leaves no timer once it is connected', async () => {
    const clock = new FakeClock();
    const server = await serve();
    await connected(server, { clock });
    expect(clock.timers).toBe(0);
  });

  it('rejects when its signal aborts, with the reason of the signal', async () => {
    const clock = new FakeClock();
    const giveUp = new AbortController();
    const attempt = rejection(connect('slow.test:1', { clock, lookup: silence, signal: giveUp.signal }));
    const reason = new Error('changed my mind');
    giveUp.abort(reason);
    expect(await attempt).toBe(reason);
    expect(clock.timers).toBe(0);
  });

  it('does not time out if the connection is established, after a stall of this event loop', async () => {
    const server = await serve(passing);
    const attempt = connect(server.address, { connectTimeout: 20 });
    // The kernel establishes the connection while this event loop is blocked for longer than the timeout.
    process.nextTick(() => {
      const late = performance.now() + 60;
      while (performance.now() < late);
    });
    const client = await attempt;
    expect((await client.ping()).status).toBe('pass');
    await client.close();
  });

  it('closes a connection that is established after the timeout', async () => {
    const server = await serve();
    const giveUp = new AbortController();
    const attempt = rejection(connect(server.address, { signal: giveUp.signal }));
    process.nextTick(() => giveUp.abort());
    expect((await attempt).name).toBe('AbortError');
    await once(await server.connection(), 'end');
  });

  it('opens no connection if its signal has already aborted', async () => {
    const server = await serve();
    const error = await rejection(connect(server.address, { signal: AbortSignal.abort() }));
    expect(error.name).toBe('AbortError');
    expect(server.sockets).toHaveLength(0);
  });

  it.each([
    ['pong://host:port', {}, 'PONGCHECK_ADDRESS', /a port that is not a number/],
    ['http://127.0.0.1', {}, 'PONGCHECK_ADDRESS', /an unknown scheme/],
    ['127.0.0.1:0', {}, 'PONGCHECK_ADDRESS', /Port 0 is only valid for a listener/],
    [undefined as unknown as string, {}, 'PONGCHECK_ADDRESS', /not undefined/],
    [{} as unknown as string, {}, 'PONGCHECK_ADDRESS', /not object/],
    [new URL('pong://127.0.0.1') as unknown as string, {}, 'PONGCHECK_ADDRESS', /not object/],
    [{ kind: 'tcp', host: '127.0.0.1' } as unknown as string, {}, 'PONGCHECK_ADDRESS', /a port that is not a number/],
    [{ kind: 'tls', host: 'a b', port: 1 } as unknown as string, {}, 'PONGCHECK_ADDRESS', /no valid host/],
    ['127.0.0.1', { connectTimeout: -1 }, 'PONGCHECK_CONFIG', /^connectTimeout is -1; allowed: millisec/],
    ['127.0.0.1', { connectTimeout: Number.NaN }, 'PONGCHECK_CONFIG', /^connectTimeout is NaN; allowed/],
    [
      '127.0.0.1',
      { maxInFlight: 0 },
      'PONGCHECK_CONFIG',
      /^maxInFlight is 0; allowed: a whole number from 1 to 1000000/,
    ],
  ])('refuses %s with %j', async (address, options, code, message) => {
    const error = await rejection(connect(address, options));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });
});
