import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { type KeepAlive, keepAliveSetter, userTimeoutOf } from '../../src/net/keep-alive.js';

/**
 * A socket with these settings and its state in the kernel, which `read` returns: `ss -o` shows the timer, getsockopt
 * the rest.
 */
async function setOn(settings: KeepAlive, read: (socket: Socket) => unknown): Promise<unknown> {
  const server = createServer((peer) => peer.on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const warnings: string[] = [];
  (await keepAliveSetter(settings, (description) => warnings.push(description)))(socket);
  const seen = await read(socket);
  socket.destroy();
  server.close();
  await once(server, 'close');
  expect(warnings).toEqual([]);
  return seen;
}

describe('TCP keep-alive', () => {
  it('is set on the socket: interval, count and user timeout in the kernel', async () => {
    const kernel = await import('net-keepalive');
    const settings = { idle: 4000, interval: 2000, count: 5, userTimeout: 7000 };
    const seen = await setOn(settings, (socket) => [
      kernel.getKeepAliveInterval(socket),
      kernel.getKeepAliveProbes(socket),
      kernel.getUserTimeout(socket),
    ]);
    expect(seen).toEqual([2000, 5, 7000]);
  });

  it('starts the kernel timer at the idle time', async () => {
    const line = await setOn({ idle: 40_000, interval: 1000, count: 3 }, (socket) =>
      execFileSync('ss', ['-tno', `sport = :${socket.localPort}`], { encoding: 'utf8' }),
    );
    const [, seconds] = /timer:\(keepalive,(\d+)/.exec(String(line)) ?? [];
    expect(Number(seconds)).toBeGreaterThan(30);
    expect(Number(seconds)).toBeLessThanOrEqual(40);
  });

  it.each([
    [undefined, 9000],
    [0, 0],
    [1500, 1500],
  ])('with userTimeout %s allows %i ms without an acknowledgement', (userTimeout, expected) => {
    const settings = { idle: 4000, interval: 1000, count: 5, ...(userTimeout !== undefined && { userTimeout }) };
    expect(userTimeoutOf(settings)).toBe(expected);
  });

  it('ignores a socket that is closed', async () => {
    const set = await keepAliveSetter({ idle: 1000, interval: 1000, count: 1 }, () => {});
    const socket = new Socket();
    socket.destroy();
    expect(() => set(socket)).not.toThrow();
  });
});
