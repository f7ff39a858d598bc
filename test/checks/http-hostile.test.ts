import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type HttpOptions, httpCheck } from '../../src/checks/http/index.js';
import { runCheck } from '../live/run-check.js';

const MIB = 1024 * 1024;
/** Bytes that a hostile service tries to send, and the maximum that two kernels may buffer. */
const OFFERED = 256 * MIB;
const TAKEN = 24 * MIB;

describe('an http check of a hostile service', () => {
  let server: Server;
  let taken: number;
  let accepted: number;
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const flood = (socket: Socket, piece: string) => {
    const block = piece.repeat(Math.ceil(MIB / piece.length));
    const more = () => {
      while (!socket.destroyed && socket.bytesWritten < OFFERED) if (!socket.write(block)) return;
    };
    socket.on('drain', more);
    more();
  };

  const runAgainst = async (
    begin: string,
    piece: string,
    { runs = 1, ...options }: Partial<HttpOptions> & { runs?: number } = {},
  ) => {
    taken = 0;
    accepted = 0;
    const closed: Promise<unknown>[] = [];
    server = createServer({ noDelay: true }, (socket) => {
      accepted++;
      socket.on('error', () => {});
      const count = () => {
        taken += socket.bytesWritten - socket.writableLength;
      };
      closed.push(new Promise<void>((resolve) => socket.once('close', () => resolve(count()))));
      socket.once('data', () => {
        socket.write(begin);
        if (piece) flood(socket, piece);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
    const definition = httpCheck({ url, timeout: 10_000, expectBody: 'ready', ...options });
    let outcome = await runCheck(definition);
    for (let run = 1; run < runs; run++) outcome = await runCheck(definition);
    await definition.close?.();
    await Promise.all(closed);
    return outcome;
  };

  const ok = 'HTTP/1.1 200 OK\r\n';
  const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;
  it.each<[string, string, string, string]>([
    ['a status without end', 'protocol', 'HTTP/1.1 200 ', 'OK'],
    ['a header without end', 'protocol', `${ok}x-a: `, 'a'],
    ['headers without end', 'protocol', ok, 'x-a: b\r\n'],
    ['answers of 1xx without end', 'protocol', '', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'],
    ['a body without end', 'bad-body', `${ok}\r\n`, 'x'],
    ['a body of 2^53', 'bad-body', `${ok}Content-Length: 9007199254740992\r\n\r\n`, 'x'],
    ['a length that is none', 'protocol', `${ok}Content-Length: 99999999999999999999999\r\n\r\n`, 'x'],
    ['chunks without end', 'bad-body', chunked, '1\r\nx\r\n'],
    ['a chunk without end', 'bad-body', `${chunked}fffffffffffff\r\n`, 'x'],
    ['a size of a chunk without end', 'protocol', chunked, '0'],
    ['an extension of a chunk without end', 'protocol', `${chunked}1;`, 'x'],
    ['extensions of chunks without end', 'protocol', chunked, `1;${'e'.repeat(12_000)}\r\nx\r\n`],
    ['trailers without end', 'protocol', `${chunked}1\r\nx\r\n0\r\n`, 'x-a: b\r\n'],
  ])('reads no more than its limit of a response with %s', async (_what, reason, begin, piece) => {
    expect(await runAgainst(begin, piece)).toMatchObject({ status: 'fail', reason });
    expect(taken).toBeLessThan(TAKEN);
  });

  it('accepts a body in chunks of one byte', async () => {
    const body = 'i am ready'.padEnd(65_536, '.');
    const chunks = [...body].map((byte) => `1\r\n${byte}\r\n`).join('');
    expect(await runAgainst(`${chunked}${chunks}0\r\n\r\n`, '')).toMatchObject({ status: 'pass' });
  });

  it('follows endless redirects up to its limit', async () => {
    const again = 'HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 1000000000\r\n\r\n';
    expect(await runAgainst(again, 'x', { redirects: 10 })).toMatchObject({ reason: 'bad-status', observedValue: 302 });
    expect(accepted).toBe(11);
    expect(taken).toBeLessThan(11 * TAKEN);
  });

  it('ends a kept connection on which the service sends unsolicited data', async () => {
    const answer = `${ok}Content-Length: 5\r\n\r\nready`;
    expect(await runAgainst(answer, 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n', { runs: 3 })).toMatchObject({
      status: 'pass',
    });
    expect(taken).toBeLessThan(3 * TAKEN);
  });
});
