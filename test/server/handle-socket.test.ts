import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { KeepAliveSocket } from '../../src/net/keep-alive.js';
import { attach, type ConnectionSocket, type SocketOwner } from '../../src/server/sockets/connection-socket.js';
import { acceptHandles, HandleSocket, hasHandles } from '../../src/server/sockets/handle-socket.js';
import { compiledPackage } from '../cli/compiled.js';
import { serve, turnsUntil } from './harness.js';

/** An owner that records its events. */
class Recorder implements SocketOwner {
  readonly events: string[] = [];
  received = '';

  receive(chunk: Buffer): void {
    this.received += chunk;
  }

  onFin(): void {
    this.events.push('fin');
  }

  onProgress(): void {
    this.events.push('progress');
  }

  onError(code: string | undefined): void {
    this.events.push(`${code}`);
  }

  onClosed(): void {
    this.events.push('closed');
  }

  has(event: string): boolean {
    return this.events.includes(event);
  }
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A listener, and a function that opens a connection to it. */
async function listening(kind: 'handle' | 'stream', isWanted = (_address: string | undefined) => true) {
  const listener = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  closing.push(() => listener.close());
  if (kind === 'handle') acceptHandles(listener, isWanted);
  const { port } = listener.address() as { port: number };
  return async () => {
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const [socket] = (await once(listener, 'connection')) as [Socket | HandleSocket];
    closing.push(() => {
      client.destroy();
      socket.destroy();
    });
    const owner = new Recorder();
    if (socket instanceof HandleSocket) socket.attach(owner);
    else attach(socket, owner);
    return { client, socket: socket as ConnectionSocket, owner };
  };
}

const CHUNK = 65_536;

/**
 * Writes numbered chunks until the kernel does not accept all of them, then two more in one write. Returns all chunks.
 */
function fill(socket: ConnectionSocket): Buffer {
  const chunks: Buffer[] = [];
  const next = () => {
    const chunk = Buffer.alloc(CHUNK, `${chunks.length} `);
    chunks.push(chunk);
    return chunk;
  };
  while (socket.writableLength === 0) socket.write(next());
  socket.cork();
  socket.write(next());
  socket.write(next());
  socket.uncork();
  return Buffer.concat(chunks);
}

async function readAll(client: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const kinds = hasHandles ? (['handle', 'stream'] as const) : (['stream'] as const);

describe.each(kinds)('a socket of a connection, on a %s', (kind) => {
  const opened = async () => (await listening(kind))();

  it('reads, writes and counts', async () => {
    const { client, socket, owner } = await opened();
    expect(socket instanceof HandleSocket).toBe(kind === 'handle');
    client.write('question');
    await turnsUntil(() => owner.received === 'question');
    socket.write(Buffer.from('answer'));
    expect(String((await once(client, 'data'))[0])).toBe('answer');
    expect([socket.bytesRead, socket.bytesWritten, socket.writableLength]).toEqual([8, 6, 0]);
    expect([socket.remoteAddress, socket.remotePort]).toEqual(['127.0.0.1', client.localPort]);
    expect([socket.writable, socket.destroyed]).toEqual([true, false]);
  });

  it('keeps the order of data that the kernel does not accept immediately', async () => {
    const { client, socket, owner } = await opened();
    client.pause();
    const all = fill(socket);
    let isSent = false;
    socket.write(Buffer.alloc(0), () => {
      isSent = true;
    });
    expect(socket.bytesWritten).toBe(all.length);
    expect(socket.writableLength).toBeGreaterThanOrEqual(2 * CHUNK);
    expect(isSent).toBe(false);
    const received = readAll(client);
    await turnsUntil(() => isSent && owner.has('progress'));
    expect(socket.writableLength).toBe(0);
    socket.end();
    expect((await received).equals(all)).toBe(true);
  });

  it('calls back after a write that the kernel accepts immediately', async () => {
    const { client, socket } = await opened();
    await new Promise<void>((resolve) => socket.write(Buffer.from('x'), resolve));
    expect(String((await once(client, 'data'))[0])).toBe('x');
  });

  it('sends FIN after queued data, and is closed after the FIN of the peer', async () => {
    const { client, socket, owner } = await opened();
    client.pause();
    const all = fill(socket);
    socket.end();
    expect(socket.writable).toBe(false);
    client.end('last words');
    await turnsUntil(() => owner.has('fin'));
    expect([owner.received, owner.has('closed')]).toEqual(['last words', false]);
    expect((await readAll(client)).equals(all)).toBe(true);
    await turnsUntil(() => owner.has('closed'));
    expect([socket.bytesRead, socket.bytesWritten]).toEqual([10, all.length]);
    expect(owner.events.filter((event) => event !== 'progress')).toEqual(['fin', 'closed']);
  });

  it('stays open for writing after the FIN of the peer', async () => {
    const { client, socket, owner } = await opened();
    client.end('question');
    await turnsUntil(() => owner.has('fin'));
    expect(owner.received).toBe('question');
    socket.resume();
    socket.write(Buffer.from('answer'));
    socket.end();
    expect(String(await readAll(client))).toBe('answer');
    await turnsUntil(() => owner.has('closed'));
    expect(owner.events).toEqual(['fin', 'closed']);
  });

  it('reads after its own FIN', async () => {
    const { client, socket, owner } = await opened();
    socket.end();
    client.resume();
    await once(client, 'end');
    client.end('late');
    await turnsUntil(() => owner.has('closed'));
    expect([owner.received, owner.events]).toEqual(['late', ['fin', 'closed']]);
  });

  it('reads nothing while it is paused', async () => {
    const open = await listening(kind);
    const [a, b] = [await open(), await open()];
    a.socket.pause();
    a.client.end('later');
    b.client.write('behind it');
    await turnsUntil(() => b.owner.received === 'behind it');
    expect(a.owner.received + a.owner.events).toBe('');
    a.socket.resume();
    await turnsUntil(() => a.owner.has('fin'));
    expect(a.owner.received).toBe('later');
  });

  it('reports the reset of the peer', async () => {
    const { client, socket, owner } = await opened();
    client.resetAndDestroy();
    await turnsUntil(() => owner.has('closed'));
    expect(owner.events).toEqual(['ECONNRESET', 'closed']);
    expect([socket.destroyed, socket.writable]).toEqual([true, false]);
  });

  it('reports a write that fails', async () => {
    const { client, socket, owner } = await opened();
    socket.pause();
    client.resetAndDestroy();
    await turnsUntil(() => {
      if (socket.writable) socket.write(Buffer.from('x'));
      return owner.has('closed');
    });
    expect(owner.events.filter((event) => event !== 'progress')).toEqual([
      expect.stringMatching(/^(EPIPE|ECONNRESET)$/),
      'closed',
    ]);
  });

  it('reports a queued write that fails', async () => {
    const { client, socket, owner } = await opened();
    client.pause();
    fill(socket);
    client.resetAndDestroy();
    await turnsUntil(() => owner.has('closed'));
    expect(owner.events).toEqual([expect.stringMatching(/^(EPIPE|ECONNRESET)$/), 'closed']);
    expect(socket.writableLength === 0 || kind === 'stream').toBe(true);
  });

  it('is destroyed with queued data', async () => {
    const { client, socket, owner } = await opened();
    let closed = 0;
    for (let each = 0; each < 2; each++) socket.once('close', () => closed++);
    client.pause();
    const all = fill(socket);
    socket.destroy();
    socket.destroy();
    await turnsUntil(() => owner.has('closed'));
    expect([owner.events, closed]).toEqual([['closed'], 2]);
    expect(socket.bytesWritten).toBeGreaterThan(0);
    client.on('error', () => {});
    expect((await readAll(client).catch(() => Buffer.alloc(0))).length).toBeLessThan(all.length);
  });

  it('is reset with queued data, and also with a FIN behind it', async () => {
    for (const hasEnded of [false, true]) {
      const { client, socket, owner } = await opened();
      client.pause();
      fill(socket);
      if (hasEnded) socket.end();
      const error = once(client, 'error');
      socket.resetAndDestroy();
      await turnsUntil(() => owner.has('closed'));
      client.resume();
      expect(((await error) as NodeJS.ErrnoException[])[0]?.code).toBe('ECONNRESET');
    }
  });
});

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
