import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { BunSocket } from '../../src/server/sockets/bun-socket.js';
import type { ConnectionSocket } from '../../src/server/sockets/connection-socket.js';
import { HandleSocket } from '../../src/server/sockets/handle-socket.js';
import { kinds, listening } from './accepted.js';
import { turnsUntil } from './harness.js';

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
  while (socket.writableLength === 0) {
    const chunk = Buffer.from(next());
    socket.write(chunk);
    if (socket.copiesUnsent) chunk.fill('reused');
  }
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

describe.each(kinds)('a socket of a connection, on a %s', (kind) => {
  const opened = async () => (await listening(kind))();

  it('reads and writes data, and counts the bytes', async () => {
    const { client, socket, owner } = await opened();
    expect([socket instanceof HandleSocket, socket instanceof BunSocket]).toEqual([kind === 'handle', kind === 'bun']);
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
    // After its own FIN, Bun reports only that both sides have ended.
    expect([owner.received, owner.events]).toEqual(['late', kind === 'bun' ? ['closed'] : ['fin', 'closed']]);
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

  it('is reset with queued data, and also with a FIN queued after it', async () => {
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
