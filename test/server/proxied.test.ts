import { connect as connectTls } from 'node:tls';
import { afterAll, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../fake-clock.js';
import { makeCertificate } from '../live/certificate.js';
import { serve as serveDirectly, turnsUntil } from './harness.js';
import { listening } from './listening.js';
import { ping, pong } from './peer.js';
import { header, ipv4 } from './proxied.js';
import { describeServed, type ServedOptions } from './scripted-service.js';

const id = 'a1a2a3a4a5a6a7a8';
const withDetail = Buffer.from(ping(id, { flags: '01' }), 'hex');
const certificate = makeCertificate();
afterAll(() => certificate.remove());

const listener: ServedOptions['listener'] = { proxyProtocol: { from: ['127.0.0.0/8'] } };

describeServed('a connection through a proxy', (serve) => {
  it('has the address and access of the client that the proxy names', async () => {
    const { connect, service } = await serve({ listener });
    const peer = await connect();
    peer.send(Buffer.concat([ipv4('192.0.2.7', 4711), withDetail]));
    expect(await peer.hex(16)).toBe(pong(id, '01'));
    expect(await service.connections()).toMatchObject([
      { remoteAddress: '192.0.2.7', remotePort: 4711, proxyAddress: '127.0.0.1' },
    ]);
  });

  it.each([
    ['a client of loopback', ipv4('127.0.0.1', 1), true],
    ['the proxy itself', header(0x20, 0), true],
    ['a client that the proxy does not name', header(0x21, 0), false],
  ])('gives details only to clients that may see them: %s', async (_what, octets, isShown) => {
    const { connect } = await serve({ listener });
    const peer = await connect();
    peer.send(Buffer.concat([octets, withDetail]));
    expect('body' in (await peer.frame())).toBe(isShown);
  });

  it('is accepted however its header is split', async () => {
    const { connect } = await serve({ listener });
    const peer = await connect();
    for (const octet of Buffer.concat([ipv4('192.0.2.7', 1), withDetail])) {
      peer.send(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await peer.hex(16)).toBe(pong(id, '01'));
  });

  it('counts for its client, and not for the proxy', async () => {
    const { connect, stats } = await serve({ listener, limits: { maxConnectionsPerAddress: 1 } });
    const [first, second, third] = [await connect(), await connect(), await connect()];
    for (const [peer, address] of [
      [first, '192.0.2.7'],
      [second, '192.0.2.8'],
    ] as const) {
      peer.send(Buffer.concat([ipv4(address, 1), withDetail]));
      expect(await peer.hex(16)).toBe(pong(id, '01'));
    }
    third.send(Buffer.concat([ipv4('192.0.2.7', 2), withDetail]));
    expect(await third.untilEnd()).toHaveLength(0);
    expect(stats.refused['max-connections-per-address']).toBe(1);
    first.socket.destroy();
    await turnsUntil(() => stats.open === 1);
    const again = await connect();
    again.send(Buffer.concat([ipv4('192.0.2.7', 3), withDetail]));
    expect(await again.hex(16)).toBe(pong(id, '01'));
  });

  it('may use TLS after its header', async () => {
    const { cert, key } = certificate;
    const { connect, service } = await serve({
      listener: { proxyProtocol: { from: ['127.0.0.1'] }, tls: { cert, key } },
    });
    const peer = await connect();
    peer.send(ipv4('192.0.2.7', 4711));
    const socket = connectTls({ socket: peer.socket, rejectUnauthorized: false });
    socket.write(withDetail);
    const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    expect(answer.toString('hex')).toBe(pong(id, '01'));
    expect(await service.connections()).toMatchObject([{ remoteAddress: '192.0.2.7' }]);
    socket.destroy();
  });

  it('that is opened and closed without a byte is not an error', async () => {
    const { connect, logged, stats } = await serve({ listener });
    const peer = await connect();
    peer.socket.end();
    await peer.untilEnd();
    await turnsUntil(() => stats.closed['client-closed'] === 1 && stats.arriving === 0);
    expect(await logged()).toEqual([]);
  });

  it.each([
    ['has no header', Buffer.from('ping\nping\nping\n'), 'missing PROXY header of version 2'],
    [
      'has one of version 1',
      Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n'),
      'PROXY header of version 1; configure version 2 in the proxy (send-proxy-v2)',
    ],
    ['has a broken one', header(0x21, 0x12), 'PROXY header is too short, or not for TCP'],
  ])('that %s is closed without an answer, and logged', async (_what, octets, description) => {
    const { connect, logged, stats } = await serve({ listener });
    const peer = await connect();
    peer.send(octets);
    expect(await peer.untilEnd()).toHaveLength(0);
    expect(stats.closed['proxy-header']).toBe(1);
    expect(await logged()).toMatchObject([{ description }]);
  });

  it('that begins with a frame is answered with an ERROR', async () => {
    const { connect } = await serve({ listener });
    const peer = await connect();
    peer.send(withDetail);
    expect(await peer.frame()).toMatchObject({
      type: '7f',
      code: '01',
      body: { message: 'missing PROXY header of version 2' },
    });
  });

  it('that ends in the middle of its header is logged', async () => {
    const { connect, logged, stats } = await serve({ listener });
    const peer = await connect();
    peer.socket.end(ipv4('192.0.2.7', 1).subarray(0, 20));
    expect(await peer.untilEnd()).toHaveLength(0);
    await turnsUntil(() => stats.arriving === 0);
    expect(await logged()).toMatchObject([{ description: 'connection ended inside the PROXY header' }]);
  });
});

describe('a connection through a proxy', () => {
  it('is closed if the header is not complete in time', async () => {
    const clock = new FakeClock();
    const { log, descriptions } = listening();
    const { connect, stats } = await serveDirectly({ clock, log, limits: { handshakeTimeout: 1000 }, listener });
    const peer = await connect();
    peer.send(ipv4('192.0.2.7', 1).subarray(0, 20));
    await turnsUntil(() => stats.arriving === 1);
    await clock.advance(800);
    expect(stats.arriving).toBe(1);
    await clock.advance(400);
    expect(await peer.untilEnd()).toHaveLength(0);
    expect(descriptions).toEqual(['PROXY header not completed in time']);
  });
});

describeServed('a PROXY header', (serve) => {
  it('from an address outside proxyProtocol.from closes the connection, and its source is not used', async () => {
    const { connect, logged, stats } = await serve({
      listener: { proxyProtocol: { from: ['192.0.2.0/24'] } },
    });
    const plain = await connect();
    plain.send(withDetail);
    expect((await plain.frame()).code).toBe('01');
    const peer = await connect();
    peer.send(Buffer.concat([ipv4('127.0.0.1', 1), withDetail]));
    expect(await peer.untilEnd()).toHaveLength(0);
    peer.socket.destroy();
    await turnsUntil(() => stats.closed['proxy-header'] === 1);
    expect(await logged()).toMatchObject([
      {
        description: 'unexpected PROXY header: the sender is not listed in proxyProtocol.from',
        fields: { peer: '127.0.0.1' },
      },
    ]);
  });
});
