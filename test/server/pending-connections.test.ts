import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makeCertificate } from '../live/certificate.js';
import { turnsUntil } from './harness.js';
import { ping } from './peer.js';
import { header, ipv4 } from './proxied.js';
import { describeServed, type Served } from './scripted-service.js';

const certificate = makeCertificate();
afterAll(() => certificate.remove());

/** The first bytes that a TLS client sends. */
let clientHello: Buffer;
beforeAll(async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connectTls({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  client.on('error', () => {});
  const [socket] = await once(server, 'connection');
  [clientHello] = await once(socket, 'data');
  socket.destroy();
  client.destroy();
  server.close();
});

/** The same numbers from 0 to 1 in each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describeServed('a connection in its PROXY header or TLS handshake', (serve) => {
  it('is counted for its address when a reload introduces the limit', async () => {
    const { cert, key } = certificate;
    const served = await serve({ limits: { maxConnectionsPerAddress: 0 }, listener: { tls: { cert, key } } });
    const { connect, stats } = served;
    await connect();
    await turnsUntil(() => stats.arriving === 1);
    await limitToOne(served);
    const second = await connect();
    expect(await second.untilEnd()).toHaveLength(0);
    expect(stats.refused['max-connections-per-address']).toBe(1);
  });

  it('is not counted for the address of its proxy, before or after an invalid header', async () => {
    const served = await serve({
      limits: { maxConnectionsPerAddress: 0 },
      listener: { proxyProtocol: { from: ['127.0.0.1'] } },
    });
    const { connect, stats } = served;
    await connect();
    const invalid = await connect();
    invalid.send('GET / HTTP/1.1\r\n\r\n');
    await invalid.untilEnd();
    await turnsUntil(() => stats.arriving === 2);
    await limitToOne(served);
    const local = await connect();
    local.send(Buffer.concat([header(0x20, 0), Buffer.from('ping\n')]));
    expect(await local.text(5)).toBe('pong ');
  });

  async function limitToOne({ reload }: Served): Promise<void> {
    await reload({ limits: { maxConnectionsPerAddress: 1 } });
  }

  it.each([1, 2, 3])('leaves no count and no socket, in any order of events (%i)', async (seed) => {
    const random = numbers(seed);
    const { cert, key } = certificate;
    const { port, stats } = await serve({
      limits: { maxConnectionsPerAddress: 1000 },
      listener: { tls: { cert, key }, proxyProtocol: { from: ['127.0.0.2'] } },
    });
    const noise = () => Buffer.from(Array.from({ length: Math.ceil(random() * 300) }, () => random() * 256));
    const beginnings = [
      () => Buffer.alloc(0),
      () => ipv4('192.0.2.7', 1),
      () => header(0x20, 0),
      () => noise(),
      () => header(0x21, 0x11, noise()),
    ];
    const ends = [
      () => Buffer.alloc(0),
      () => clientHello,
      () => Buffer.concat([clientHello, noise()]),
      () => Buffer.concat([Buffer.from([0x16]), noise()]),
      () => Buffer.from(ping('a1a2a3a4a5a6a7a8'), 'hex'),
    ];
    const one = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
    const visit = async () => {
      const socket = connectTcp({ port, host: '127.0.0.1', localAddress: one(['127.0.0.1', '127.0.0.2']) });
      socket.on('error', () => {}).resume();
      const closed = once(socket, 'close').catch(() => {});
      const all = Buffer.concat([one(beginnings)(), one(ends)()]);
      const cut = Math.floor(random() * all.length);
      const leave = one(['end', 'destroy', 'resetAndDestroy'] as const);
      await once(socket, 'connect');
      socket.write(all.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      if (!socket.destroyed) socket.write(all.subarray(cut));
      await new Promise((resolve) => setImmediate(resolve));
      if (!socket.destroyed) socket[leave]();
      await closed;
    };
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 15 }, visit));
    await turnsUntil(() => stats.arriving === 0 && stats.open === 0);
    const closed = Object.values(stats.closed).reduce((sum, count) => sum + count, 0);
    const refused = Object.values(stats.refused).reduce((sum, count) => sum + count, 0);
    expect(stats.accepted).toBe(closed);
    expect(closed + refused).toBe(150);
    expect(stats.closed.internal).toBe(0);
    expect(stats.closed.tls).toBeGreaterThan(0);
    expect(stats.closed['proxy-header']).toBeGreaterThan(0);
  });
});
