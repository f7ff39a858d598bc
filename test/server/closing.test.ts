import { connect as connectTcp, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { Connection } from '../../src/server/connection/connection.js';
import { afterNextPoll } from '../../src/server/sockets/after-next-poll.js';
import type { ServerStats } from '../../src/server/stats.js';
import { FakeClock } from '../fake-clock.js';
import { pass, serve, turnsUntil } from './harness.js';
import { type Peer, ping, pong } from './peer.js';
import { describeServed } from './scripted-service.js';

const id = 'a1a2a3a4a5a6a7a8';

describe('close', () => {
  it.each([1, 60])('also answers on %i connections that are queued in the kernel', async (count) => {
    const { port, server, stats } = await serve({ clock: new FakeClock() });
    const sockets = Array.from({ length: count }, () => connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true }));
    const answers = sockets.map(async (socket) => {
      socket.write(Buffer.from(ping(id), 'hex'));
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk);
      socket.end();
      return Buffer.concat(chunks).toString('hex');
    });
    // The system calls of `connect` are made before the next tick ends, and the event loop has not turned since.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(stats.accepted).toBe(0);
    const closed = server.close();
    expect(await Promise.all(answers)).toEqual(sockets.map(() => pong(id, '01')));
    await closed;
    expect(stats.closed.drained).toBe(count);
  });

  it('stops accepting even while clients connect continuously', async () => {
    const clock = new FakeClock();
    const { port, server } = await serve({ clock });
    const sockets = new Set<Socket>();
    let isClosed = false;
    const open = () => {
      if (isClosed) return;
      const socket = connectTcp({ host: '127.0.0.1', port });
      sockets.add(socket);
      socket.on('error', () => {}).on('connect', open);
      socket.on('close', () => sockets.delete(socket));
    };
    for (let n = 0; n < 4; n++) open();
    await turnsUntil(() => server.stats.accepted >= 20);
    const closed = server.close().then(() => {
      isClosed = true;
    });
    const accepted = server.stats.accepted;
    await turnsUntil(() => server.stats.accepted >= accepted + 20);
    expect(isClosed).toBe(false);
    await pass(clock, 2000);
    await closed;
    for (const socket of sockets) socket.destroy();
  });

  it('destroys a connection whose peer does not answer the FIN within a second', async () => {
    const clock = new FakeClock();
    const { connect, server, stats } = await serve({ clock });
    const peer = await connect();
    await turnsUntil(() => stats.open === 1);
    const closed = server.close();
    await peer.untilEnd();
    await pass(clock, 900);
    expect(stats.open).toBe(1);
    await pass(clock, 300);
    await closed;
    expect(stats.open).toBe(0);
  });
});

const MIB = 1_048_576;

/** Sends this many bytes, and waits until the server has read them. */
async function sendsMore(peer: Peer, stats: ServerStats, bytes: number): Promise<void> {
  const before = stats.bytesIn;
  peer.send(Buffer.alloc(bytes));
  await turnsUntil(() => stats.bytesIn === before + bytes);
  await afterNextPoll();
}

describe('a connection that closes behind an answer', () => {
  it('discards what arrives before its FIN without a limit', async () => {
    const { connect, health, stats } = await serve({ clock: new FakeClock() });
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '02' }));
    await turnsUntil(() => stats.waiting === 1);
    await sendsMore(peer, stats, 2 * MIB);
    health.settle('pass');
    expect((await peer.untilEnd()).toString('hex')).toBe(pong(id, '01'));
    await sendsMore(peer, stats, 65_536);
    expect(stats.open).toBe(1);
    peer.socket.end();
    await turnsUntil(() => stats.open === 0);
    expect(peer.error).toBeUndefined();
  });
});

describe('a peer with more answers pending than the kernel accepts', () => {
  const count = 2000;

  /** A connection whose answers are not sent completely, because the peer does not read yet. */
  async function unsent() {
    const clock = new FakeClock();
    const limits = { pingsPerSecond: 0, maxPending: count, maxQueuedBytes: 64 * 1_048_576 };
    const served = await serve({ clock, limits });
    const { connect, health, server, stats } = served;
    health.atOnce = 'pass';
    health.report = { filler: 'x'.repeat(8000) };
    const peer = await connect();
    peer.socket.pause();
    peer.sendHex(ping(id, { flags: '01' }).repeat(count));
    await turnsUntil(() => stats.pings.readiness.pass === count);
    const connection = [...server.connections][0] as Connection;
    expect(connection.queued).toBeGreaterThan(0);
    return { ...served, clock, connection, peer };
  }

  async function unsentBehindFin() {
    const found = await unsent();
    found.peer.socket.end();
    await turnsUntil(() => !found.connection.socket.writable);
    return found;
  }

  it('receives all of them when it has sent FIN: the FIN of the server waits', async () => {
    const { clock, health, peer, stats } = await unsentBehindFin();
    await pass(clock, 5000);
    expect(stats.open).toBe(1);
    peer.socket.resume();
    expect((await peer.untilEnd()).length).toBe(count * (16 + JSON.stringify(health.report).length));
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed['client-closed']).toBe(1);
  });

  it('may send any number of bytes until the FIN of the server is sent, and 1 MiB after it', async () => {
    const { connection, peer, stats } = await unsent();
    // An invalid length. The ERROR and the FIN wait behind the answers.
    peer.sendHex('0000000b');
    await turnsUntil(() => !connection.socket.writable);
    await sendsMore(peer, stats, 2 * MIB);
    expect(stats.open).toBe(1);
    peer.socket.removeAllListeners('data').resume();
    await turnsUntil(() => peer.ended);
    await sendsMore(peer, stats, MIB - 65_536);
    expect(stats.open).toBe(1);
    peer.send(Buffer.alloc(2 * 65_536));
    await turnsUntil(() => stats.open === 0);
  });

  it('is dropped after its FIN if it reads nothing for the stall time, without an ERROR', async () => {
    const { clock, stats } = await unsentBehindFin();
    await pass(clock, 9800);
    expect(stats.open).toBe(1);
    await pass(clock, 500);
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed['slow-peer']).toBe(1);
    expect(stats.errors[10]).toBe(0);
  });

  it('is not awaited after its FIN by a server that stops', async () => {
    const { clock, server, stats } = await unsentBehindFin();
    const closed = server.close();
    await pass(clock, 1500);
    await closed;
    expect(stats.closed['client-closed']).toBe(1);
  });

  it('is not awaited if its FIN arrives while the server stops', async () => {
    const { clock, peer, server, stats } = await unsent();
    peer.socket.end();
    const closed = server.close();
    await pass(clock, 1500);
    await closed;
    expect(stats.open).toBe(0);
  });

  it('is not awaited if one of its PINGs is still waiting and the server stops', async () => {
    const { clock, health, peer, server, stats } = await unsent();
    health.atOnce = undefined;
    health.ready = undefined;
    peer.socket.end(Buffer.from(ping(id), 'hex'));
    await turnsUntil(() => stats.waiting === 1);
    const closed = server.close();
    await pass(clock, 1500);
    await closed;
    expect(stats.open).toBe(0);
  });

  it('is not awaited if the application closes it after its FIN', async () => {
    const { clock, connection, stats } = await unsentBehindFin();
    connection.close('closed-by-application');
    await pass(clock, 1300);
    expect(stats.open).toBe(0);
  });

  it('is not closed as a slow peer if its RST arrives between the two checks', async () => {
    const { clock, connection, peer, stats } = await unsent();
    const expired = connection.expired.bind(connection);
    connection.expired = (now) => {
      const violation = expired(now);
      if (violation) peer.socket.resetAndDestroy();
      return violation;
    };
    await pass(clock, 10_500);
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed['client-reset']).toBe(1);
    expect(stats.errors[10]).toBe(0);
  });
});

describe('a connection with paused reading', () => {
  /** A line is waiting for its answer, and another one is queued behind it in the kernel. */
  async function twoLines() {
    const served = await serve();
    const { connect, health, stats } = served;
    health.ready = undefined;
    const peer = await connect();
    peer.send('ping\n');
    await turnsUntil(() => stats.waiting === 1);
    await new Promise<void>((resolve) => peer.socket.write('ping\n', () => resolve()));
    health.atOnce = 'pass';
    return { ...served, peer };
  }

  it('is read to its end even if its answer arrives in the turn of the last check', async () => {
    const { health, peer, server } = await twoLines();
    // Runs after the poll between the two immediates of `afterNextPoll`, and before the second immediate.
    setImmediate(() => setImmediate(() => health.settle('pass')));
    const closed = server.close();
    expect((await peer.untilEnd()).toString()).toBe('pong pass\npong pass\n');
    peer.socket.end();
    await closed;
  });
});

describeServed('a service that stops', (serve) => {
  it('also answers what has arrived after the maximum number of pending PINGs', async () => {
    const { connect, health, service, stats } = await serve({ limits: { maxPending: 2 } });
    await health.hold();
    const peer = await connect();
    peer.sendHex([1, 2, 3, 4, 5].map((n) => ping(`000000000000000${n}`)).join(''));
    await turnsUntil(() => stats.paused['max-pending'] === 1);
    const stopped = service.stop();
    expect((await peer.untilEnd()).length / 16).toBe(5);
    peer.socket.end();
    await stopped;
  });

  it('answers what has arrived, then FIN', async () => {
    const { connect, health, service, stats } = await serve();
    const fresh = await connect();
    fresh.sendHex(ping(id));
    expect(await fresh.hex(16)).toBe(pong(id, '01'));
    await health.hold();
    const waiting = await connect();
    const silent = await connect();
    waiting.sendHex(ping(id));
    await turnsUntil(() => stats.waiting === 1);
    const stopped = service.stop();
    expect((await waiting.untilEnd()).toString('hex')).toBe(pong(id, '04'));
    for (const peer of [fresh, silent]) expect(await peer.untilEnd()).toHaveLength(0);
    for (const peer of [waiting, fresh, silent]) peer.socket.end();
    await stopped;
    expect(stats.closed.drained).toBe(3);
  });

  it('reads a connection with paused reading to its end', async () => {
    const { connect, health, service, stats } = await serve();
    await health.hold();
    const peer = await connect();
    peer.send('ping\n');
    await turnsUntil(() => stats.waiting === 1);
    await new Promise<void>((resolve) => peer.socket.write('agent\n', () => resolve()));
    const stopped = service.stop();
    expect((await peer.untilEnd()).toString()).toBe('pong draining\n');
    peer.socket.end();
    await stopped;
  });
});

describeServed('a connection with paused reading', (serve) => {
  it('reports its RST when its PING is answered', async () => {
    const { connect, health, stats } = await serve({ limits: { maxPending: 1 } });
    await health.hold();
    const peer = await connect();
    peer.sendHex(ping(id));
    await turnsUntil(() => stats.waiting === 1);
    peer.socket.resetAndDestroy();
    await peer.closed();
    await health.settle('pass');
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed['client-reset']).toBe(1);
  });
});
