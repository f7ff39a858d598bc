import { once } from 'node:events';
import type { LookupFunction } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { ping } from '../../src/client.js';
import { FakeClock } from '../fake-clock.js';
import { pong } from './scripted-server.js';
import { rejection, setting } from './setting.js';

describe('the probe', () => {
  const { serve } = setting();

  it('connects, sends one PING with CLOSE, and leaves no connection', async () => {
    const server = await serve((seen, socket) => socket.write(pong(seen.id, 2, 0, '{"state":"warn"}')));
    const answer = await ping(server.address, { detail: true, checks: ['mysql'], hops: 1 });
    expect(answer).toMatchObject({ status: 'warn', healthy: true, report: { state: 'warn' } });
    const socket = await server.connection();
    if (!socket.readableEnded) await once(socket, 'end');
    expect(server.frames).toEqual([{ type: 1, flags: 0x13, code: 0, id: 1n, body: '{"checks":["mysql"]}' }]);
    expect(server.sockets).toHaveLength(1);
  });

  it('limits the connection and the answer together by responseTimeout', async () => {
    const clock = new FakeClock();
    const server = await serve();
    let found = () => {};
    const lookup: LookupFunction = (_host, _options, callback) => {
      found = () => callback(null, [{ address: '127.0.0.1', family: 4 }]);
    };
    const failed = rejection(ping(`slow.test:${server.port}`, { clock, lookup, responseTimeout: 1000 }));
    await clock.advance(600);
    found();
    await server.frame();
    await clock.advance(399);
    await expect(Promise.race([failed, 'waiting'])).resolves.toBe('waiting');
    await clock.advance(1);
    const error = await failed;
    expect(error.code).toBe('PONGCHECK_TIMEOUT');
    expect(error.message).toBe(`slow.test:${server.port} did not answer within 0.4 s`);
    const socket = await server.connection();
    if (!socket.readableEnded) await once(socket, 'end');
    expect(clock.timers).toBe(0);
  });

  it('limits the connection by responseTimeout if that is shorter', async () => {
    const clock = new FakeClock();
    const failed = rejection(ping('slow.test:1', { clock, lookup: () => {}, responseTimeout: 1000 }));
    await clock.advance(1000);
    expect((await failed).message).toBe('slow.test:1 did not accept the connection within 1 s');
  });

  it('leaves no socket and no timer when its signal aborts', async () => {
    const server = await serve();
    const giveUp = new AbortController();
    const failed = rejection(ping(server.address, { signal: giveUp.signal }));
    await server.frame();
    giveUp.abort();
    expect((await failed).name).toBe('AbortError');
    const socket = await server.connection();
    if (!socket.readableEnded) await once(socket, 'end');
  });

  it('refuses invalid options before it connects', async () => {
    const server = await serve();
    expect((await rejection(ping(server.address, { hops: 99 }))).code).toBe('PONGCHECK_CONFIG');
    expect(server.sockets).toHaveLength(0);
  });
});
