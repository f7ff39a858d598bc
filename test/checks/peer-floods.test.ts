import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pingpongCheck } from '../../src/checks/pingpong/index.js';
import { tcpCheck } from '../../src/checks/tcp/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { error, frame, pong } from '../client/scripted-server.js';
import { runCheck } from '../live/run-check.js';

const MIB = 1024 * 1024;
/** Bytes that a hostile peer tries to send, and the maximum that two kernels may buffer. */
const OFFERED = 256 * MIB;
const TAKEN = 24 * MIB;
const PING_ID = 8;

describe('a peer that sends endless data', () => {
  let server: Server;
  let taken: number;
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const runAgainst = async (
    make: (port: number) => CheckDefinition,
    talk: (socket: Socket, question: Buffer) => Buffer,
    runs = 1,
  ) => {
    taken = 0;
    const closed: Promise<void>[] = [];
    server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {});
      const ended = () => {
        taken += socket.bytesWritten - socket.writableLength;
      };
      closed.push(new Promise((resolve) => socket.once('close', () => resolve(ended()))));
      socket.once('data', (question) => {
        const piece = talk(socket, question);
        const block = Buffer.concat(Array.from({ length: Math.ceil(MIB / piece.length) }, () => piece));
        const more = () => {
          while (!socket.destroyed && socket.bytesWritten < OFFERED) if (!socket.write(block)) return;
        };
        socket.on('drain', more);
        more();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const check = make((server.address() as AddressInfo).port);
    let outcome = await runCheck(check);
    for (let run = 1; run < runs; run++) outcome = await runCheck(check);
    // The check must close the connections by itself, not because the check is closed.
    if (runs > 1) await closed[0];
    await check.close?.();
    await Promise.all(closed);
    return outcome;
  };

  const ofPingpong = (port: number) => pingpongCheck({ url: `pong://127.0.0.1:${port}`, timeout: 5000 });
  const ofTcp = (port: number) =>
    tcpCheck({ url: `tcp://127.0.0.1:${port}`, send: 'hello', expect: 'ready', timeout: 5000 });

  it.each<[string, Buffer]>([
    ['PONGs without a request', pong(99n)],
    ['PINGs', frame(0x01, 0, 0, 7n)],
    ['ERRORs of no question', error(99n, 1, 0)],
    ['reports of no question', pong(99n, 3, 0, JSON.stringify({ state: 'fail', output: 'x'.repeat(60_000) }))],
    ['frames of an unknown type', frame(0x55, 0, 0, 1n)],
    ['a frame of a GiB', Buffer.from([0x40, 0, 0, 0, 1, 2, 0, 1])],
  ])('is disconnected by a pingpong check: %s', async (_what, piece) => {
    expect(await runAgainst(ofPingpong, () => piece)).toMatchObject({ status: 'fail', reason: 'protocol' });
    expect(taken).toBeLessThan(TAKEN);
  });

  it('is also disconnected by a pingpong check after its answer', async () => {
    const outcome = await runAgainst(
      ofPingpong,
      (socket, question) => {
        socket.write(pong(question.readBigUInt64BE(PING_ID)));
        return pong(99n);
      },
      2,
    );
    expect(outcome).toMatchObject({ status: 'pass' });
    expect(taken).toBeLessThan(2 * TAKEN);
  });

  it('is disconnected by a tcp check at its limit', async () => {
    expect(await runAgainst(ofTcp, () => Buffer.from('x'))).toMatchObject({ status: 'fail', reason: 'bad-body' });
    expect(taken).toBeLessThan(TAKEN);
  });
});
