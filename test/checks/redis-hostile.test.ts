import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { redisCheck } from '../../src/checks/redis/index.js';
import { runCheck } from '../live/run-check.js';

/** Maximum number of bytes that a server may send before it is disconnected, including what the kernel buffers. */
const MOST_SENT = 24 * 1024 ** 2;

describe('a check of a hostile Redis', () => {
  let server: Server;
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  /** Answers a command with the results of `said`, repeatedly, until it is disconnected. */
  async function runAgainst(said: () => string, { first = '', timeout = 5000 } = {}) {
    let sent = 0;
    const closed: Promise<void>[] = [];
    server = createServer({ noDelay: true }, (socket: Socket) => {
      closed.push(new Promise((resolve) => socket.once('close', () => resolve())));
      socket.on('error', () => {});
      socket.once('data', () => {
        const more = () => {
          while (!socket.destroyed) {
            const text = said();
            if (text === '') return;
            sent += text.length;
            if (!socket.write(text)) return void socket.once('drain', more);
          }
        };
        socket.write(first);
        more();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const check = redisCheck({ url: `redis://127.0.0.1:${(server.address() as { port: number }).port}`, timeout });
    const outcome = await runCheck(check);
    // The check closes the connections by itself, not because it is closed.
    await Promise.all(closed);
    await check.close?.();
    return { ...outcome, sent };
  }

  const once = (text: string) => {
    const texts = [text];
    return () => texts.shift() ?? '';
  };

  it.each<[string, RegExp, () => string]>([
    ['arrays of 33 million elements', /more than 4096 elements/, once('*33000000\r\n'.repeat(10))],
    ['arrays of 4 thousand millions', /more than 4096 elements/, once('*4294967295\r\n'.repeat(3))],
    ['a bulk string of half a gigabyte', /more than 1048576 bytes/, once('$536870912\r\n')],
    ['arrays in arrays', /more than 8 nested arrays/, () => '*1\r\n'.repeat(1000)],
    ['a line without an end', /more than 4096 bytes in a line/, () => 'x'.repeat(65_536)],
    ['an error without an end', /more than 4096 bytes in a line/, () => 'x'.repeat(65_536)],
    ['a number without an end', /more than 4096 bytes in a line/, () => '9'.repeat(65_536)],
    ['replies to nothing, without an end', /more than 16 replies/, () => '+PONG\r\n'.repeat(10_000)],
    // The second string may exceed the limit before the first one is evaluated.
    [
      'bulk strings without an end',
      /not PONG|more than 1048576 bytes/,
      () => `$1000000\r\n${'x'.repeat(1_000_000)}\r\n`,
    ],
    ['zero bytes without an end', /not a Redis server/, () => '\0'.repeat(65_536)],
  ])('disconnects a server that sends %s', async (what, output, said) => {
    const first = { 'a line without an end': '+', 'an error without an end': '-ERR ', 'a number without an end': ':' };
    const outcome = await runAgainst(said, { first: first[what as keyof typeof first] ?? '' });
    expect(outcome).toMatchObject({ status: 'fail', reason: 'protocol', output: expect.stringMatching(output) });
    expect(outcome.sent).toBeLessThan(MOST_SENT);
  });

  it('accepts a role that lists many replicas, and an INFO of 300 KiB', async () => {
    const replica = '*3\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n$1\r\n0\r\n';
    const info = `cluster_enabled:0\r\n${'x'.repeat(300_000)}`;
    const role = `*3\r\n$6\r\nmaster\r\n:1\r\n*500\r\n${replica.repeat(500)}`;
    const outcome = runAgainst(once(`+PONG\r\n${role}$${info.length}\r\n${info}\r\n`), {});
    // The connection is kept until the server is closed.
    server.once('connection', (socket: Socket) => setTimeout(() => socket.destroy(), 500).unref());
    expect(await outcome).toMatchObject({ status: 'pass', observedValue: 'primary' });
  });
});
