import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { postgresCheck } from '../../src/checks/postgres/index.js';
import { runCheck } from '../live/run-check.js';

describe('the options of the postgres check', () => {
  it.each([
    [{}, /url is missing; allowed: url, or host/],
    [{ url: 'postgres://h/', user: 'me' }, /user is given together with url; allowed: only without url/],
    [{ url: 'mysql://h/' }, /a URL with the scheme "mysql"/],
    [{ url: 'postgres://h/?sslmode=prefer' }, /an unknown value of the parameter sslmode; allowed: \?sslmode=disable/],
    [{ url: 'postgres://h/?sslcert=/x' }, /the parameter "sslcert"; allowed: \?sslmode=require or the option tls/],
    [{ url: 'postgres://h/', tls: { ca: '/nowhere' } }, /tls\.ca is a file that cannot be read/],
    [{ host: 'h', port: 0 }, /port is 0/],
    [{ pool: {} }, /pool .*connect\(\)/],
    [{ pool: { connect() {}, query() {} } }, /pool is .*; allowed: a pg Pool/],
  ])('%j is refused', (options, message) => {
    expect(() => postgresCheck(options as never)).toThrow(message);
    expect(() => postgresCheck(options as never)).toThrow(expect.objectContaining({ code: 'PONGCHECK_CONFIG' }));
  });

  it('name the secrets', () => {
    expect(postgresCheck({ url: 'postgresql://me:hush@h/db' }).secrets).toContain('hush');
    expect(postgresCheck({ host: 'h', password: 'hush' }).secrets).toEqual(['hush']);
  });
});

describe('a server that does not use the PostgreSQL protocol', () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function portOf(answer: (socket: Socket) => void): Promise<number> {
    const server = createServer((socket) => socket.on('error', () => {}).once('data', () => answer(socket)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => new Promise((resolve) => server.close(resolve)));
    return (server.address() as { port: number }).port;
  }

  const message = (kind: string, length: number) => {
    const header = Buffer.alloc(5);
    header.write(kind, 'latin1');
    header.writeUInt32BE(length, 1);
    return header;
  };

  it.each<[what: string, expected: object, answer: (socket: Socket) => void]>([
    ['closes', { reason: 'reset' }, (socket) => socket.end()],
    ['resets', { reason: 'reset' }, (socket) => socket.resetAndDestroy()],
    ['says nothing', { reason: 'timeout' }, () => {}],
    ['speaks HTTP', { reason: 'timeout' }, (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    [
      'sends without end',
      { reason: 'protocol', output: 'the answer exceeds the limit of 1048576 bytes' },
      (socket) => {
        socket.write(message('N', 0x7fffffff));
        socket.on('drain', () => socket.write(Buffer.alloc(65_536, 1)));
        while (socket.write(Buffer.alloc(65_536, 1)));
      },
    ],
  ])('that %s', async (_what, expected, answer) => {
    const port = await portOf(answer);
    const check = postgresCheck({ host: '127.0.0.1', port, user: 'u', timeout: 1000 });
    closing.push(() => check.close?.());
    expect(await runCheck(check)).toMatchObject({ status: 'fail', ...expected });
  });
});
