import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../fake-clock.js';
import { passing, pong } from './scripted-server.js';
import { rejection, setting } from './setting.js';

describe('close', () => {
  const { serve, connected } = setting();

  it('sends FIN and resolves when the server has sent its own', async () => {
    const server = await serve(passing);
    const client = await connected(server);
    const socket = await server.connection();
    const event = once(client, 'close');
    const done = client.close();
    await once(socket, 'end');
    socket.end();
    await done;
    expect(await event).toEqual(['closed-by-application']);
  });

  it('waits for the outstanding answers, including those to requests of the same turn, and accepts no more requests', async () => {
    const server = await serve();
    const client = await connected(server, { clock: new FakeClock() });
    const socket = await server.connection();
    let fin = false;
    socket.on('end', () => {
      fin = true;
      socket.end();
    });
    const answers = [client.ping(), client.ping()];
    const done = client.close();
    const error = await rejection(client.ping());
    expect(error.code).toBe('PONGCHECK_CLOSED');
    expect(error.message).toBe(`The connection to ${server.address} was closed by this program`);
    await server.frame(2);
    socket.write(pong(2n));
    await answers[1];
    await settle();
    expect(fin).toBe(false);
    socket.write(pong(1n));
    expect((await answers[0])?.status).toBe('pass');
    await done;
    expect(fin).toBe(true);
  });

  it('waits 1 s for answers, then rejects the outstanding requests', async () => {
    const clock = new FakeClock();
    const server = await serve();
    const client = await connected(server, { clock });
    const event = once(client, 'close');
    const failed = rejection(client.ping());
    const done = client.close();
    await server.frame();
    await clock.advance(999);
    await expect(Promise.race([failed, 'waiting'])).resolves.toBe('waiting');
    await clock.advance(1);
    const error = await failed;
    expect(error.code).toBe('PONGCHECK_CLOSED');
    expect(error.message).toBe(`The connection to ${server.address} was closed by this program`);
    await done;
    expect(await event).toEqual(['closed-by-application']);
    expect(clock.timers).toBe(0);
  });

  it('waits at most 1 s for the server FIN', async () => {
    const clock = new FakeClock();
    const server = await serve();
    const client = await connected(server, { clock });
    const done = client.close();
    await once(await server.connection(), 'end');
    await expect(Promise.race([done, 'waiting'])).resolves.toBe('waiting');
    await clock.advance(1000);
    await done;
    expect(clock.timers).toBe(0);
  });

  it.each([60_000, Number.POSITIVE_INFINITY])(
    'waits 1 s for the server FIN after the last answer, within %d ms',
    async (within) => {
      const clock = new FakeClock();
      const server = await serve(passing);
      const client = await connected(server, { clock });
      const answer = client.ping();
      const done = client.close(within);
      await answer;
      await once(await server.connection(), 'end');
      await clock.advance(1000);
      await done;
      expect(clock.timers).toBe(0);
    },
  );

  it('may be called again, even after the connection is closed', async () => {
    const server = await serve();
    const client = await connected(server);
    const socket = await server.connection();
    socket.on('end', () => socket.end());
    await Promise.all([client.close(), client.close()]);
    await client.close();
    client.destroy();
    await client.close();
  });

  it('resolves if the server has already ended the connection', async () => {
    const server = await serve();
    const client = await connected(server);
    const event = once(client, 'close');
    (await server.connection()).end();
    await event;
    await client.close();
  });
});

describe('destroy', () => {
  const { serve, connected } = setting();

  it('closes immediately and rejects the outstanding requests', async () => {
    const server = await serve();
    const client = await connected(server);
    const event = once(client, 'close');
    const failed = rejection(client.ping());
    client.destroy();
    expect((await failed).code).toBe('PONGCHECK_CLOSED');
    expect(await event).toEqual(['closed-by-application']);
    expect((await rejection(client.ping())).code).toBe('PONGCHECK_CLOSED');
  });
});

describe('a PING with close', () => {
  const { serve, connected } = setting();

  it('is the last request: earlier ones are answered, later ones are rejected', async () => {
    const server = await serve((seen, socket) => {
      if (seen.id === 2n) socket.end(Buffer.concat([pong(2n), pong(1n)]));
    });
    const client = await connected(server);
    const event = once(client, 'close');
    const answers = [client.ping(), client.ping({ close: true })];
    const error = await rejection(client.ping());
    expect(error.code).toBe('PONGCHECK_CLOSED');
    expect(error.message).toBe(`The connection to ${server.address} is closing: a PING with the option close was sent`);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(['pass', 'pass']);
    expect(await event).toEqual(['answered']);
    expect(server.frames).toHaveLength(2);
  });

  it('closes the connection if the server does not', async () => {
    const server = await serve(passing);
    const client = await connected(server);
    const event = once(client, 'close');
    const socket = await server.connection();
    const ended = once(socket, 'end');
    await client.ping({ close: true });
    await ended;
    socket.end();
    expect(await event).toEqual(['answered']);
  });

  it('also closes the connection without an answer', async () => {
    const clock = new FakeClock();
    const server = await serve();
    const client = await connected(server, { clock });
    const socket = await server.connection();
    const failed = rejection(client.ping({ close: true }));
    await server.frame();
    const ended = once(socket, 'end');
    await clock.advance(2500);
    expect((await failed).code).toBe('PONGCHECK_TIMEOUT');
    await ended;
    const event = once(client, 'close');
    socket.end();
    expect(await event).toEqual(['answered']);
  });
});
