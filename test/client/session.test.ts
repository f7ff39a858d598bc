import { once } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { FakeClock } from '../fake-clock.js';
import { frame, passing, pong, type Script } from './scripted-server.js';
import { rejection, setting } from './setting.js';

/** Answers HELLO. */
const greeting: Script = (seen, socket) => {
  if (seen.type === 5) socket.write(frame(5, 0, 0, seen.id));
};

describe('a client', () => {
  const { serve, connected } = setting();

  it('sends HELLO with its name and receives the identity of the server', async () => {
    const said = { instance: 'a1b2', idleTimeoutMs: 90_000, heartbeat: { canSendMs: 0, wantMs: 30_000 } };
    const server = await serve((seen, socket) => socket.write(frame(5, 0, 0, seen.id, JSON.stringify(said))));
    const client = await connected(server);
    expect(await client.hello({ name: 'billing' })).toEqual({
      instance: 'a1b2',
      idleTimeoutMs: 90_000,
      heartbeat: { canSendMs: 0, wantMs: 30_000, mult: 3 },
    });
    expect(await server.frame()).toEqual({ type: 5, flags: 0, code: 0, id: 1n, body: '{"name":"billing"}' });
  });

  it('sends HELLO without a body if there are no options, and accepts an empty answer', async () => {
    const server = await serve((seen, socket) => socket.write(frame(5, 0, 0, seen.id)));
    const client = await connected(server);
    expect(await client.hello()).toEqual({});
    expect((await server.frame()).body).toBe('');
  });

  it('sends HELLO only once', async () => {
    const server = await serve((seen, socket) => socket.write(frame(5, 0, 0, seen.id)));
    const client = await connected(server);
    await client.hello();
    const error = await rejection(client.hello());
    expect(error.code).toBe('PONGCHECK_CONFIG');
    expect(error.message).toBe('HELLO was already sent; allowed: one per connection');
    expect(server.frames).toHaveLength(1);
  });

  it.each([
    [{ name: 1 as unknown as string }, /^name is 1; allowed: a string of 1 to 1024 characters/],
    [{ name: '€'.repeat(1024), token: '€'.repeat(1000) }, /^name is too long: .* allowed: at most 4096$/],
    [{ responseTimeout: -1 }, /^responseTimeout is -1; allowed/],
  ])('refuses to send HELLO with invalid options, and can still send it (%#)', async (options, message) => {
    const server = await serve((seen, socket) => socket.write(frame(5, 0, 0, seen.id)));
    const client = await connected(server);
    const error = await rejection(client.hello(options));
    expect(error.code).toBe('PONGCHECK_CONFIG');
    expect(error.message).toMatch(message);
    await client.hello();
  });

  it('times out for a HELLO as for a PING, and does not accept a PONG as its answer', async () => {
    const clock = new FakeClock();
    const server = await serve((seen, socket) => socket.write(pong(seen.id)));
    const client = await connected(server, { clock });
    const failed = rejection(client.hello());
    await server.frame();
    await clock.advance(2500);
    expect((await failed).code).toBe('PONGCHECK_TIMEOUT');
    expect(client.stats.latePongs).toBe(1);
  });

  it('answers a PING from the server with pass and its id', async () => {
    const server = await serve(greeting);
    const client = await connected(server);
    await client.hello();
    (await server.connection()).write(
      Buffer.concat([frame(1, 0, 1, 0xfedcba9876543210n), frame(1, 0x01, 0, 7n, '{"maxAgeMs":0,"load":0.5}')]),
    );
    expect(await server.frame(3)).toEqual({ type: 2, flags: 0, code: 1, id: 7n, body: '' });
    expect(server.frames[1]).toEqual({ type: 2, flags: 0, code: 1, id: 0xfedcba9876543210n, body: '' });
    expect(client.stats).toMatchObject({ pings: 0, bytesOut: 48 });
  });

  it.each<[string, () => unknown, number]>([
    ['unknown, and handles the rejection, if health is async', async () => Promise.reject(new Error('db')), 0],
    ['unknown if health returns no status', () => 'constructor', 0],
    ['fail if health throws', () => expect(1).toBe(2), 3],
    ['warn if health returns it', () => 'warn', 2],
  ])('answers a PING from the server with %s', async (_what, health, code) => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const server = await serve((seen, socket) => {
      if (seen.type === 5) socket.write(Buffer.concat([frame(5, 0, 0, seen.id), frame(1, 0, 0, 7n)]));
    });
    const client = await connected(server);
    client.health = health as () => 'pass';
    await client.hello();
    expect(await server.frame(2)).toMatchObject({ type: 2, code, id: 7n });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('closes after its PONG if the PING from the server has CLOSE', async () => {
    const server = await serve(greeting);
    const client = await connected(server);
    await client.hello();
    const closed = once(client, 'close');
    const socket = await server.connection();
    const ended = once(socket, 'end');
    socket.write(frame(1, 0x02, 1, 7n));
    await ended;
    expect(server.frames.slice(1)).toEqual([{ type: 2, flags: 0, code: 1, id: 7n, body: '' }]);
    socket.end();
    expect(await closed).toEqual(['closed-by-application']);
  });

  it.each([
    [0, 'none'],
    [1, 'draining'],
    [2, 'too-old'],
    [3, 'idle'],
    [9, 'unknown'],
  ])('reports that the server sent GOAWAY %d', async (code, reason) => {
    const server = await serve((...seen) => {
      greeting(...seen);
      passing(...seen);
    });
    const client = await connected(server);
    await client.hello();
    const said = once(client, 'goaway');
    (await server.connection()).write(frame(6, 0, code, 0n, '{"graceMs":10000}'));
    expect(await said).toEqual([{ reason, graceMs: 10_000 }]);
    expect((await client.ping()).status).toBe('pass');
  });

  it('counts and ignores an unsolicited STATUS or a HELLO with another id, and skips private frames', async () => {
    const server = await serve((seen, socket) => {
      if (seen.type === 5) return;
      socket.write(
        Buffer.concat([
          frame(4, 0, 3, 1n, '{"state":"fail"}'),
          frame(5, 0, 0, 77n),
          frame(0x80, 0x0f, 9, 1n, 'anything'),
          pong(99n),
          pong(seen.id),
        ]),
      );
    });
    const client = await connected(server);
    client.hello().catch(() => {});
    expect((await client.ping()).status).toBe('pass');
    expect(client.stats).toMatchObject({ ignoredFrames: 3, latePongs: 1 });
  });

  it('ignores a PONG whose id equals an outstanding one in the lower half only', async () => {
    const server = await serve((seen, socket) =>
      socket.write(Buffer.concat([pong(seen.id | (1n << 63n), 3), pong(seen.id | (1n << 32n), 3), pong(seen.id)])),
    );
    const client = await connected(server);
    expect((await client.ping()).status).toBe('pass');
    expect(client.stats.latePongs).toBe(2);
  });

  it('keeps the process alive while it waits for an answer, and after unref() only in that case', async () => {
    const server = await serve();
    const client = await connected(server);
    const socket = await server.connection();
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    socket.unref();
    const before = sockets();
    client.unref();
    expect(sockets()).toBe(before - 1);
    const answer = client.ping();
    expect(sockets()).toBe(before);
    socket.ref();
    const { id } = await server.frame();
    socket.write(pong(id));
    await answer;
    socket.unref();
    expect(sockets()).toBe(before - 1);
    client.ref();
    expect(sockets()).toBe(before);
  });
});
