import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { AnswerMeter, LARGE_ANSWER, SMALL_ANSWER } from '../../src/checks/mysql/answer.js';
import { type MysqlUrlOptions, mysqlCheck } from '../../src/checks/mysql/index.js';
import { makeCertificate } from '../live/certificate.js';
import { runCheck } from '../live/run-check.js';
import { errorPacket, greeting, loginDone, packet } from './mysql-packets.js';

const MIB = 1024 * 1024;
/** Bytes that a hostile server tries to send, and the maximum that two kernels may buffer. */
const OFFERED = 256 * MIB;
const TAKEN = 24 * MIB;

/** A header, and a response to the greeting that ends before the user name. */
const SSL_REQUEST_BYTES = 36;

interface Talk extends Partial<MysqlUrlOptions> {
  runs?: number;
}

describe('a MySQL check of a hostile server', () => {
  let server: Server;
  /** Number of bytes that left the server on all connections. */
  let taken: number;
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  /** Sends `piece` repeatedly, as fast as it is accepted. */
  const flood = (socket: Socket, piece: Buffer) => {
    const block = Buffer.concat(Array.from({ length: Math.ceil(MIB / piece.length) }, () => piece));
    const more = () => {
      while (!socket.destroyed && socket.bytesWritten < OFFERED) if (!socket.write(block)) return;
    };
    socket.on('drain', more);
    more();
  };

  const runAgainst = async (talk: (socket: Socket) => void, { runs = 1, ...options }: Talk = {}) => {
    taken = 0;
    const closed: Promise<unknown>[] = [];
    server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {});
      closed.push(
        new Promise((resolve) =>
          socket.once('close', () => {
            taken += socket.bytesWritten - socket.writableLength;
            resolve(undefined);
          }),
        ),
      );
      socket.write(greeting);
      talk(socket);
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `mysql://me@127.0.0.1:${(server.address() as { port: number }).port}`;
    const check = mysqlCheck({ url, timeout: 5000, ...options });
    let outcome = await runCheck(check);
    for (let run = 1; run < runs; run++) outcome = await runCheck(check);
    await check.close?.();
    await Promise.all(closed);
    return outcome;
  };

  /** A row with one column. Its definition and value are as small as possible. */
  const definition = packet(2, Buffer.concat([Buffer.from('\x03def\0\0\0\x011\0\x0c', 'latin1'), Buffer.alloc(12)]));
  const eof = packet(3, Buffer.from([0xfe, 0, 0, 2, 0]));
  const beyond = {
    status: 'fail',
    reason: 'protocol',
    output: expect.stringMatching(/^the answer exceeds the limit of/),
  };

  it.each<[string, Buffer]>([
    ['a packet of 16 MiB', Buffer.from([0xff, 0xff, 0xff, 2])],
    ['an error of 16 MiB', Buffer.concat([Buffer.from([0xf0, 0xff, 0xff, 2, 0xff]), Buffer.alloc(4000, 'x')])],
    ['endless empty packets', packet(2, Buffer.from([1]))],
    ['endless method changes', packet(2, Buffer.from('\xfemysql_native_password\0abcdefghijklmnopqrst\0', 'latin1'))],
    ['a packet of 64 KiB and one', packet(2, Buffer.alloc(65_537, 1))],
  ])('reads no more than its limit during a login with %s', async (_what, piece) => {
    const silent = jest.spyOn(console, 'error').mockImplementation(() => {});
    const outcome = await runAgainst((socket) => socket.once('data', () => flood(socket, piece)));
    silent.mockRestore();
    expect(outcome).toMatchObject(beyond);
    expect(taken).toBeLessThan(TAKEN);
  });

  it.each<[string, Buffer, Buffer]>([
    ['2^24 columns', packet(1, Buffer.from([0xfd, 0, 0, 0xff])), definition],
    ['2^63 columns', packet(1, Buffer.from([0xfe, 0, 0, 0, 0, 0, 0, 0, 0x7f])), definition],
    ['endless rows', Buffer.concat([packet(1, Buffer.from([1])), definition, eof]), packet(4, Buffer.from('\x011'))],
    [
      'a row of many MiB',
      Buffer.concat([packet(1, Buffer.from([1])), definition, eof]),
      packet(4, Buffer.alloc(8 * MIB)),
    ],
    ['endless results', Buffer.alloc(0), packet(1, Buffer.from([0, 0, 0, 8, 0, 0, 0]))],
    ['an error of many MiB', Buffer.alloc(0), errorPacket(1, 1064, 'x'.repeat(8 * MIB))],
  ])('reads no more than its limit of an answer with %s', async (_what, begin, piece) => {
    const silent = jest.spyOn(console, 'error').mockImplementation(() => {});
    const outcome = await runAgainst((socket) => {
      socket.once('data', () => {
        socket.write(loginDone);
        socket.once('data', () => {
          socket.write(begin);
          flood(socket, piece);
        });
      });
    });
    silent.mockRestore();
    expect(outcome).toMatchObject(beyond);
    expect(taken).toBeLessThan(TAKEN);
  });

  it('reads no more than its limit over TLS', async () => {
    const certificate = makeCertificate();
    const secureContext = createSecureContext({
      key: readFileSync(certificate.key),
      cert: readFileSync(certificate.cert),
    });
    certificate.remove();
    const outcome = await runAgainst(
      (socket) => {
        // Everything after the request for TLS is encrypted.
        socket.once('data', (bytes) => {
          socket.pause().unshift(bytes.subarray(SSL_REQUEST_BYTES));
          const secure = new TLSSocket(socket, { isServer: true, secureContext });
          secure.on('error', () => {});
          secure.once('data', () => flood(secure, packet(2, Buffer.alloc(MIB, 1))));
        });
      },
      { tls: { verify: false } },
    );
    expect(outcome).toMatchObject(beyond);
    expect(taken).toBeLessThan(TAKEN);
  });

  it('ends a connection on which the server sends unsolicited data', async () => {
    const silent = jest.spyOn(console, 'error').mockImplementation(() => {});
    const row = Buffer.concat([packet(1, Buffer.from([2])), definition, definition, eof]);
    const answer = Buffer.concat([row, packet(5, Buffer.from('\x011\x010')), eof]);
    await runAgainst(
      (socket) => {
        socket.once('data', () => {
          socket.write(loginDone);
          socket.once('data', () => {
            socket.write(answer);
            flood(socket, packet(0, Buffer.alloc(1000)));
          });
        });
      },
      { runs: 3 },
    );
    silent.mockRestore();
    expect(taken).toBeLessThan(TAKEN);
  });

  it.each(['client_ed25519', 'parsec', 'auth_gssapi_client', 'dialog', 'mysql_old_password'])(
    'names the authentication method %s, which the driver does not support',
    async (plugin) => {
      const said = packet(2, Buffer.from(`\xfe${plugin}\0abcdefghijklmnopqrst\0`, 'latin1'));
      const outcome = await runAgainst((socket) => socket.once('data', () => socket.write(said)));
      expect(outcome).toMatchObject({
        status: 'fail',
        reason: 'auth',
        output: expect.stringContaining(`the user authenticates with ${plugin}, which mysql2 does not support`),
      });
    },
  );

  it('names the authentication method that would send the password in plain text', async () => {
    const said = packet(2, Buffer.from('\xfemysql_clear_password\0', 'latin1'));
    const outcome = await runAgainst((socket) => socket.once('data', () => socket.write(said)));
    expect(outcome).toMatchObject({
      reason: 'auth',
      output: expect.stringContaining('mysql_clear_password, which would'),
    });
  });
});

describe('the limits for an answer from MySQL', () => {
  const take = (bytes: Buffer, limit = SMALL_ANSWER, piece = bytes.length) => {
    const meter = new AnswerMeter();
    meter.expect(limit);
    for (let at = 0; at < bytes.length; at += piece) meter.take(bytes.subarray(at, at + piece));
  };
  const packets = (count: number, bytes: number) =>
    Buffer.concat(Array.from({ length: count }, (_, number) => packet(number & 0xff, Buffer.alloc(bytes, 7))));

  it.each([3, 4, 1000, 1 << 20])('are the same for pieces of %d bytes', (piece) => {
    expect(() => take(packets(64, 1020), SMALL_ANSWER, piece)).not.toThrow();
    expect(() => take(packets(65, 0), SMALL_ANSWER, piece)).toThrow('limit of 64 packets');
    expect(() => take(packets(64, 1021), SMALL_ANSWER, piece)).toThrow('limit of 65536 bytes');
    expect(() => take(packets(512, 200), LARGE_ANSWER, piece)).not.toThrow();
    expect(() => take(packets(513, 0), LARGE_ANSWER, piece)).toThrow('limit of 512 packets');
  });

  it('refuse a length before the announced data has arrived', () => {
    expect(() => take(Buffer.from([0, 0, 2, 1]))).toThrow('limit of 65536 bytes');
    expect(() => take(Buffer.from([0, 0, 1, 1]))).not.toThrow();
  });

  it('restart with each query, even in the middle of a packet', () => {
    const meter = new AnswerMeter();
    const bytes = packets(64, 1020);
    for (let at = 0; at < bytes.length; at += 1000) {
      meter.expect(SMALL_ANSWER);
      meter.take(bytes.subarray(at, at + 1000));
    }
    expect(() => meter.take(packets(65, 0))).toThrow('packets');
  });
});
