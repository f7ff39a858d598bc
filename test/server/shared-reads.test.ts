import { once } from 'node:events';
import { connect, createServer, type Server, Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { sharedReads, withSharedReads } from '../../src/server/sockets/shared-reads.js';
import { FakeClock } from '../fake-clock.js';
import { serve as serveDirectly, turnsUntil } from './harness.js';
import { type Peer, ping, pong } from './peer.js';
import { describeServed } from './scripted-service.js';

const ids = ['0000000000000001', '0000000000000002', '0000000000000003'] as const;
const LIVENESS = { scope: '01' };

/** Overwrites the buffer into which all connections read. */
async function readSomethingElse(peer: Peer): Promise<void> {
  const other = 'ffffffffffffffff';
  peer.sendHex(ping(other, LIVENESS).repeat(1000));
  expect(await peer.hex(16_000)).toBe(pong(other, '01').repeat(1000));
}

describeServed('a chunk in the shared read buffer', (serve) => {
  it('is copied for frames that a later turn processes', async () => {
    const { connect, health, stats } = await serve({ limits: { maxPending: 1 } });
    await health.hold();
    const [peer, other] = [await connect(), await connect()];
    peer.sendHex(ids.map((id) => ping(id)).join(''));
    for (const id of ids) {
      await turnsUntil(() => stats.waiting === 1);
      await readSomethingElse(other);
      await health.settle('pass');
      expect(await peer.hex(16)).toBe(pong(id, '01'));
    }
  });

  it('is copied for lines that a later turn processes', async () => {
    const { connect, health, stats } = await serve();
    await health.hold();
    const [peer, other] = [await connect(), await connect()];
    peer.send('ping\nping\nping\n');
    for (let n = 0; n < 3; n++) {
      await turnsUntil(() => stats.waiting === 1);
      await readSomethingElse(other);
      await health.settle('pass');
      expect(await peer.text(10)).toBe('pong pass\n');
    }
  });
});

describe('a chunk in the shared read buffer', () => {
  it('is kept for answers that the peer has not read', async () => {
    // No time passes, because on a busy machine the limit for a peer that does not read could close the connection.
    const { connect, server, stats } = await serveDirectly({ clock: new FakeClock(), limits: { pingsPerSecond: 0 } });
    const [peer, other] = [await connect(), await connect()];
    peer.socket.pause();
    const queued = () => [...server.connections][0]?.socket.writableLength ?? 0;
    let sent = 0;
    while (queued() === 0 && stats.paused['max-queued-bytes'] === 0) {
      const pings = Array.from({ length: 4096 }, (_, n) => ping((sent + n).toString(16).padStart(16, '0'), LIVENESS));
      peer.sendHex(pings.join(''));
      sent += pings.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await readSomethingElse(other);
    peer.socket.resume();
    for (let n = 0; n < sent; n += 4096) {
      const pongs = Array.from({ length: 4096 }, (_, m) => pong((n + m).toString(16).padStart(16, '0'), '01'));
      const received = await peer.hex(4096 * 16);
      expect([peer.ended, peer.error]).toEqual([false, undefined]);
      expect(received === pongs.join('')).toBe(true);
    }
  });
});

describe('a socket that reads into the shared buffer', () => {
  const reads = sharedReads(65_536);

  /** The next connection of this server, and its client. */
  async function accepted(server: Server): Promise<{ socket: Socket; client: Socket }> {
    const { port } = server.address() as { port: number };
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const [socket] = (await once(server, 'connection')) as [Socket];
    return { socket: withSharedReads(socket, reads), client };
  }

  it('behaves like any other socket', async () => {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const [a, b] = [await accepted(server), await accepted(server)];
    const chunks: Buffer[] = [];
    for (const [n, { socket, client }] of [a, b].entries()) {
      socket.on('data', (chunk) => chunks.push(chunk));
      client.write(`chunk ${n}`);
      await once(socket, 'data');
    }
    expect(chunks[0]?.buffer).toBe(chunks[1]?.buffer);
    expect(String(chunks[0])).toBe('chunk 1');
    expect(a.socket.bytesRead).toBe(7);
    expect(a.socket.remotePort).toBe(a.client.localPort);

    a.socket.pause();
    a.client.write('later');
    b.client.write('behind it');
    await once(b.socket, 'data');
    expect(a.socket.bytesRead).toBe(7);
    a.socket.resume();
    expect(String((await once(a.socket, 'data'))[0])).toBe('later');

    a.client.resume().end();
    await once(a.socket, 'end');
    expect(a.socket.writable).toBe(true);
    a.socket.end();
    b.socket.resetAndDestroy();
    const [error] = await once(b.client, 'error');
    expect(error.code).toBe('ECONNRESET');
    server.close();
    await once(server, 'close');
  });

  it('is unchanged if Node does not support shared reads', () => {
    const socket = new Socket();
    expect(withSharedReads(socket, reads)).toBe(socket);
  });
});
