import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { type Client, PongcheckError, RefusedError } from '../../src/client.js';
import { error, frame, pong } from './scripted-server.js';
import { rejection, setting } from './setting.js';

const FATAL = 0x01;

/** The arguments of the `close` event. */
const closed = (client: Client) => once(client, 'close') as Promise<[string, PongcheckError?]>;

describe('a fatal ERROR', () => {
  const { serve, connected } = setting();

  it('rejects all outstanding requests with its code, name and message', async () => {
    const body = JSON.stringify({ message: 'slow down', retryAfterMs: 1500 });
    const server = await serve();
    const client = await connected(server);
    const end = closed(client);
    const failed = [rejection(client.ping()), rejection(client.ping()), rejection(client.hello())];
    await server.frame(3);
    (await server.connection()).write(Buffer.concat([error(2n, 8, FATAL, body), pong(1n)]));
    for (const refused of await Promise.all(failed)) {
      expect(refused).toBeInstanceOf(RefusedError);
      expect(refused).toBeInstanceOf(PongcheckError);
      expect(refused.code).toBe('PONGCHECK_REFUSED');
      expect(refused.message).toBe(`${server.address} answered ERROR 8 too-many-pings: slow down`);
      expect(refused.wire).toEqual({ code: 8, name: 'too-many-pings', message: 'slow down', retryAfterMs: 1500 });
    }
    expect(await end).toEqual(['refused', expect.objectContaining({ code: 'PONGCHECK_REFUSED' })]);
    expect((await rejection(client.ping())).code).toBe('PONGCHECK_REFUSED');
    // The PONG after the ERROR was not read.
    expect(client.stats.latePongs).toBe(0);
  });

  it.each([
    [9, '', 'idle'],
    [13, '', 'stale-peer'],
    [99, '', 'unknown'],
    [5, 'no json', 'bad-body'],
  ])('%d with the body %j is parsed', async (code, body, name) => {
    const server = await serve((seen, socket) => socket.write(error(seen.id, code, FATAL, body)));
    const client = await connected(server);
    const refused = await rejection(client.ping());
    expect(refused.message).toBe(`${server.address} answered ERROR ${code} ${name}`);
    expect(refused.wire).toEqual({ code, name, message: '' });
  });

  it('is escaped and truncated', async () => {
    const message = `\u001b[2J\u0007\u2028${'x'.repeat(3000)}`;
    const server = await serve((seen, socket) => socket.write(error(seen.id, 12, FATAL, JSON.stringify({ message }))));
    const client = await connected(server);
    const refused = await rejection(client.ping());
    expect(refused.message).toMatch(/ answered ERROR 12 internal: \\u\{1b\}\[2J\\u\{7\}\\u\{2028\}x+…$/);
    expect(refused.message.length).toBeLessThan(300);
  });

  it('also closes the connection without an outstanding request', async () => {
    const server = await serve();
    const client = await connected(server);
    const end = closed(client);
    (await server.connection()).write(error(0n, 9, FATAL));
    expect(await end).toEqual(['refused', expect.objectContaining({ code: 'PONGCHECK_REFUSED' })]);
  });
});

describe('a nonfatal ERROR', () => {
  const { serve, connected } = setting();

  it('rejects the request with its id', async () => {
    const server = await serve((seen, socket) => socket.write(seen.id === 2n ? error(2n, 7, 0) : pong(seen.id)));
    const client = await connected(server);
    const [first, second, third] = await Promise.allSettled([client.ping(), client.ping(), client.ping()]);
    expect(first.status).toBe('fulfilled');
    expect(third.status).toBe('fulfilled');
    expect(second).toMatchObject({ status: 'rejected', reason: { wire: { code: 7, name: 'forbidden' } } });
    expect((await client.ping()).status).toBe('pass');
  });

  it('with an unknown id is counted and ignored', async () => {
    const server = await serve((seen, socket) => socket.write(Buffer.concat([error(77n, 7, 0), pong(seen.id)])));
    const client = await connected(server);
    expect((await client.ping()).status).toBe('pass');
    expect(client.stats.ignoredFrames).toBe(1);
  });
});

describe('a connection that ends', () => {
  const { serve, connected } = setting();

  it.each([
    ['before an answer', Buffer.alloc(0)],
    ['in the middle of a header', pong(1n).subarray(0, 9)],
    ['in the middle of a body', pong(1n, 1, 0, '{"state":"pass"}').subarray(0, 20)],
  ])('with a FIN from the server %s rejects what waits', async (_, octets) => {
    const server = await serve((_seen, socket) => socket.end(octets));
    const client = await connected(server);
    const end = closed(client);
    const lost = await rejection(client.ping());
    expect(lost.code).toBe('PONGCHECK_CLOSED');
    expect(lost.message).toBe(`The connection to ${server.address} was closed by the server`);
    expect(await end).toEqual(['server-closed', lost]);
    expect(await rejection(client.ping())).toBe(lost);
  });

  it('with PONGs before the FIN loses none of them', async () => {
    const server = await serve((seen, socket) => {
      if (seen.id === 2n) socket.end(Buffer.concat([pong(2n), pong(1n)]));
    });
    const client = await connected(server);
    const answers = await Promise.all([client.ping(), client.ping()]);
    expect(answers.map(({ status }) => status)).toEqual(['pass', 'pass']);
  });

  it('with a reset rejects the outstanding requests and keeps the cause', async () => {
    const server = await serve((_seen, socket) => socket.resetAndDestroy());
    const client = await connected(server);
    const end = closed(client);
    const lost = await rejection(client.ping());
    expect(lost.code).toBe('PONGCHECK_CLOSED');
    expect(lost.message).toBe(`${server.address} reset the connection`);
    expect(lost.cause).toMatchObject({ code: 'ECONNRESET' });
    expect(await end).toEqual(['server-reset', lost]);
  });

  it('without a request or a listener has no effect until the next PING, which is rejected', async () => {
    const server = await serve();
    const client = await connected(server);
    const end = closed(client);
    (await server.connection()).resetAndDestroy();
    await end;
    expect((await rejection(client.ping())).code).toBe('PONGCHECK_CLOSED');
    await client.close();
  });
});

describe('a server that breaks the protocol', () => {
  const { serve, connected } = setting();

  it.each([
    [
      'HTTP',
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      / sent invalid data: HTTP \(this is an HTTP port; PING uses 7464 by default\)$/,
    ],
    ['a length too small', Buffer.from('0000000b', 'hex'), /The length is 11/],
    ['another version', frame(2, 0, 1, 1n).fill(2, 4, 5), /The version is 2/],
    ['an unknown type', frame(0x42, 0, 0, 1n), /The type is 42/],
    ['an unknown critical flag', pong(1n, 1, 0x08), /The critical flags of the PONG are 08/],
    ['a body that is no JSON', pong(1n, 1, 0, 'pass'), /The body is not JSON/],
    ['a body that is no object', pong(1n, 1, 0, '[]'), /The body is an array/],
    ['a WATCH', frame(3, 0, 0, 1n), /A WATCH was sent by the server/],
    // Refused as soon as the header is complete, because the body never arrives.
    [
      'a PING without a HELLO',
      frame(1, 0, 1, 1n, '{}').subarray(0, 16),
      /A PING was sent by the server before the HELLO/,
    ],
    ['a GOAWAY without a HELLO', frame(6, 0, 1, 1n), /A GOAWAY was sent by the server before the HELLO/],
    ['a HELLO that answers none', frame(5, 0, 0, 1n), /A HELLO was sent by the server before the HELLO/],
  ])('with %s is disconnected immediately', async (_, octets, description) => {
    const server = await serve((_seen, socket) => socket.write(octets));
    const client = await connected(server);
    const end = closed(client);
    const [first, second] = await Promise.all([rejection(client.ping()), rejection(client.ping())]);
    expect(first.code).toBe('PONGCHECK_PROTOCOL');
    expect(first.message).toMatch(/^127\.0\.0\.1:\d+ sent invalid data: /);
    expect(first.message).toMatch(description);
    expect(second).toBe(first);
    expect(await end).toEqual(['protocol-error', first]);
  });

  it('with a HELLO whose instance is a number is disconnected immediately', async () => {
    const server = await serve((seen, socket) => socket.write(frame(5, 0, 0, seen.id, '{"instance":1}')));
    const client = await connected(server);
    const { code, message } = await rejection(client.hello());
    expect(code).toBe('PONGCHECK_PROTOCOL');
    expect(message).toMatch(/The key instance is a number/);
  });

  it('is the reason of the close, even if the application destroys the client in the event', async () => {
    const server = await serve((_seen, socket) => socket.write('nonsense'));
    const client = await connected(server);
    const end = closed(client);
    const lost = client.ping().catch((error: PongcheckError) => {
      client.destroy();
      return error;
    });
    expect(await end).toEqual(['protocol-error', await lost]);
  });

  it('after a valid PONG has delivered that PONG', async () => {
    const server = await serve((seen, socket) => {
      if (seen.id === 2n) socket.write(Buffer.concat([pong(1n), Buffer.from('nonsense')]));
    });
    const client = await connected(server);
    const [first, second] = await Promise.allSettled([client.ping(), client.ping()]);
    expect(first).toMatchObject({ status: 'fulfilled', value: { status: 'pass' } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'PONGCHECK_PROTOCOL' } });
  });

  it('by sending PINGs without reading the PONGs is disconnected', async () => {
    const server = await serve((seen, to) => {
      to.write(frame(5, 0, 0, seen.id));
      to.pause();
    });
    const client = await connected(server);
    const end = closed(client);
    await client.hello();
    const socket = await server.connection();
    const flood = Buffer.concat(Array.from({ length: 4096 }, () => frame(1, 0, 1, 9n)));
    const write = () => {
      while (!socket.destroyed && socket.write(flood));
    };
    socket.on('drain', write);
    write();
    const [reason, lost] = await end;
    expect(reason).toBe('protocol-error');
    expect(lost?.message).toMatch(/ sent invalid data: PINGs without reading the PONGs$/);
  });
});
