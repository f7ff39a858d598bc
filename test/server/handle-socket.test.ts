import { spawnSync } from 'node:child_process';
import { createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { KeepAliveSocket } from '../../src/net/keep-alive.js';
import { acceptHandles, hasHandles } from '../../src/server/sockets/handle-socket.js';
import { compiledPackage } from '../cli/compiled.js';
import { listening } from './accepted.js';
import { serve, turnsUntil } from './harness.js';

describe('a listener that accepts handles', () => {
  it('creates a net.Socket for an address that is not wanted', async () => {
    const open = await listening('handle', (address) => address !== '127.0.0.1');
    const { client, socket, owner } = await open();
    expect(socket).toBeInstanceOf(Socket);
    client.end('question');
    await turnsUntil(() => owner.has('fin'));
    expect(owner.received).toBe('question');
  });

  it('is unchanged if Node does not have the required internals', async () => {
    const closed = createServer();
    acceptHandles(closed, () => true);
    const other = Object.assign(createServer(), { _handle: {} });
    acceptHandles(other, () => true);
    expect((other as unknown as { _handle: object })._handle).toEqual({});
  });
});

// With a net.Socket, Node would never close the handle in this case.
(hasHandles ? describe : describe.skip)('a socket on a handle', () => {
  it('is closed by a reset while its FIN is being sent', async () => {
    const open = await listening('handle');
    const { client, socket, owner } = await open();
    client.on('error', () => {}).resume();
    socket.end();
    socket.resetAndDestroy();
    await turnsUntil(() => owner.has('closed') && (client.readableEnded || client.destroyed));
    expect(owner.events).toEqual(['closed']);
  });
});

describe('TCP keep-alive of a listener', () => {
  it.each([true, false])('is set in the kernel for its connections (on handles: %s)', async (useHandles) => {
    const kernel = await import('net-keepalive');
    const keepAlive = { idle: 4000, interval: 2000, count: 5, userTimeout: 7000 };
    const { server, connect } = await serve({ useHandles, listener: { keepAlive } });
    await connect();
    await turnsUntil(() => server.connections.size === 1);
    const [own] = [...server.connections].map(({ socket }) => socket as unknown as KeepAliveSocket);
    // net-keepalive accepts only instances of net.Socket, and reads the descriptor from this field.
    const socket = Object.create(Socket.prototype, { _handle: { value: own?._handle } }) as Socket;
    expect([
      kernel.getKeepAliveInterval(socket),
      kernel.getKeepAliveProbes(socket),
      kernel.getUserTimeout(socket),
    ]).toEqual([2000, 5, 7000]);
  });
});

describe('the check for Node internals', () => {
  it.each([
    [[]],
    [['--pending-deprecation']],
    [['--pending-deprecation', '--throw-deprecation']],
    [['--pending-deprecation', '--no-deprecation']],
  ])('neither fails nor warns with the flags %j', (flags) => {
    const file = JSON.stringify(join(compiledPackage(), 'dist/server/sockets/handle-socket.js'));
    const program = `
      const before = process.noDeprecation;
      const { hasHandles } = await import(${file});
      console.log(typeof hasHandles, process.noDeprecation === before);`;
    const args = [...flags, '--input-type=module', '-e', program];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['boolean true\n', '']);
  });
});
