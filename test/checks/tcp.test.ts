import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type TcpOptions, tcpCheck } from '../../src/checks/tcp/index.js';
import { type Outcome, runCheck } from '../live/run-check.js';
import { whenClosed } from '../when-closed.js';

let server: Server | undefined;
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  if (!server) return;
  server.close();
  await once(server, 'close');
  server = undefined;
});

/** Starts a server that handles each connection in this way, and returns its URL. */
async function serve(serveOne: (socket: Socket) => void): Promise<string> {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    serveOne(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const saying = (text: string) => serve((socket) => void socket.write(text));
async function run(options: TcpOptions): Promise<Outcome> {
  const check = tcpCheck(options);
  try {
    return await runCheck(check);
  } finally {
    await check.close?.();
  }
}

describe('a tcp check', () => {
  it('passes if a connection is accepted, and closes it', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await serve((socket) => {
      closed = whenClosed(socket.resume());
    });
    expect(await run({ url })).toMatchObject({ status: 'pass' });
    await closed;
  });

  it('reports that nothing listens', async () => {
    const url = await serve(() => {});
    (server as Server).close();
    server = undefined;
    expect(await run({ url })).toMatchObject({ status: 'fail', reason: 'refused' });
  });

  it('sends its text, in which escapes are replaced', async () => {
    const received: string[] = [];
    const url = await serve((socket) => {
      socket.setEncoding('latin1').on('data', (text) => {
        received.push(String(text));
        socket.write('+PONG\r\n');
      });
    });
    expect(await run({ url, send: 'PING\\r\\n\\x41\\\\n', expect: 'PONG' })).toMatchObject({ status: 'pass' });
    expect(received.join('')).toBe('PING\r\nA\\n');
  });

  it('sends any byte by its two hexadecimal digits, and other text as UTF-8', async () => {
    let received = Buffer.alloc(0);
    const url = await serve((socket) => {
      socket.on('data', (bytes) => {
        received = Buffer.concat([received, bytes]);
        socket.write('well');
      });
    });
    expect(await run({ url, send: '\\x00\\xff\\x80é\\\\x41', expect: 'well' })).toMatchObject({ status: 'pass' });
    expect(received.toString('hex')).toBe(`00ff80c3a9${Buffer.from('\\x41').toString('hex')}`);
  });

  it('sends without waiting for an answer if none is expected', async () => {
    const received: string[] = [];
    let ended: Promise<unknown> | undefined;
    const url = await serve((socket) => {
      socket.setEncoding('latin1').on('data', (text) => received.push(String(text)));
      ended = once(socket, 'end');
    });
    expect(await run({ url, send: 'QUIT\r\n' })).toMatchObject({ status: 'pass' });
    await ended;
    expect(received.join('')).toBe('QUIT\r\n');
  });

  it.each([['220 ready'], ['/^220 .*ready/'], [/READY$/im]])('expects %s in the received data', async (expected) => {
    const url = await serve((socket) => {
      socket.write('220 mail.example ');
      setImmediate(() => socket.write('220 ready\r\n'));
    });
    expect(await run({ url, expect: expected })).toMatchObject({ status: 'pass' });
  });

  it('fails if the connection is closed before the expected data has arrived', async () => {
    const url = await serve((socket) => void socket.end('500 no\r\n'));
    expect(await run({ url, expect: '220' })).toMatchObject({ status: 'fail', reason: 'bad-body' });
  });

  it('fails with reset if the connection is closed without data', async () => {
    const url = await serve((socket) => void socket.end());
    expect(await run({ url, expect: '220' })).toMatchObject({ status: 'fail', reason: 'reset' });
  });

  it('reads no more of an answer than its limit', async () => {
    const url = await saying(`${'x'.repeat(100)}ready`);
    expect(await run({ url, expect: 'ready', maxAnswer: 102 })).toMatchObject({
      status: 'fail',
      reason: 'bad-body',
      output: 'the first 102 bytes of the answer are not as expected',
    });
    expect(await run({ url, expect: 'ready', maxAnswer: 105 })).toMatchObject({ status: 'pass' });
  });

  it('ends at its timeout without an answer, and closes the connection', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await serve((socket) => {
      closed = whenClosed(socket.resume());
    });
    const outcome = await run({ url, expect: 'ready', timeout: 100 });
    expect(outcome).toMatchObject({ status: 'fail', reason: 'timeout' });
    await closed;
  });

  it('shows neither what it sent nor what it received', async () => {
    const url = await serve((socket) => void socket.end('NO hush-answer'));
    const outcome = await run({ url, send: 'AUTH hush-sent', expect: 'OK' });
    expect(JSON.stringify(outcome)).not.toMatch(/hush/);
  });
});

describe('the options of a tcp check', () => {
  it('refuse port 3306 unless forced, with the reason', () => {
    const url = 'tcp://db.internal:3306';
    expect(() => tcpCheck({ url })).toThrow(
      expect.objectContaining({
        code: 'PONGCHECK_CONFIG',
        message: expect.stringMatching(/blocks this host after 100/),
      }),
    );
    expect(() => tcpCheck({ url, force: false })).toThrow(/kind mysql, or force: true/);
    expect(tcpCheck({ url, force: true })).toMatchObject({ kind: 'tcp' });
  });

  it.each([
    [{ url: 'tcp://127.0.0.1' }, /without a port/],
    [{ url: 'http://127.0.0.1:80' }, /scheme/],
    [{ url: 'tcp://me:hush@127.0.0.1:80' }, /credentials/],
    [{ url: 'tcp://127.0.0.1:80', expect: '/(/' }, /expect/],
    [{ url: 'tcp://127.0.0.1:80', maxAnswer: 0 }, /maxAnswer is 0/],
    [{ url: 'tcp://127.0.0.1:80', sned: 'x' }, /sned/],
  ])('refuse %j', (options, why) => {
    expect(() => tcpCheck(options as TcpOptions)).toThrow(why);
  });
});
