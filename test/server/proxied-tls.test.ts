import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, expect, it } from '@jest/globals';
import { makeCertificate } from '../live/certificate.js';
import { turnsUntil } from './harness.js';
import { ping } from './peer.js';
import { ipv4 } from './proxied.js';
import { describeServed, type ServedOptions } from './scripted-service.js';

const certificate = makeCertificate();
afterAll(() => certificate.remove());
const withDetail = Buffer.from(ping('a1a2a3a4a5a6a7a8', { flags: '01' }), 'hex');

const options: ServedOptions = {
  host: '0.0.0.0',
  listener: {
    tls: { cert: certificate.cert, key: certificate.key },
    proxyProtocol: { from: ['127.0.0.0/8'] },
  },
};

/**
 * Connects from one source port to two addresses of the listener: once as a loopback client, and once as an external
 * client.
 */
async function dialTwice(port: number): Promise<[local: Socket, stranger: Socket]> {
  const dial = async (host: string, client: string, localPort = 0) => {
    const raw = connectTcp({ host, port, localAddress: '127.0.0.3', localPort }).on('error', () => {});
    await once(raw, 'connect');
    raw.write(ipv4(client, 4711));
    return raw;
  };
  const local = await dial('127.0.0.1', '127.0.0.1');
  return [local, await dial('127.0.0.2', '192.0.2.7', local.localPort)];
}

/** Whether a PING with DETAIL is answered with the report; undefined if it is not answered. */
async function sawDetail(raw: Socket): Promise<boolean | undefined> {
  const socket = connectTls({ socket: raw, rejectUnauthorized: false }, () => socket.write(withDetail));
  const answer = await new Promise<Buffer | undefined>((resolve) => {
    socket.on('error', () => {}).once('data', resolve);
    socket.once('close', () => resolve(undefined));
  });
  return answer && answer.length > 16;
}

describeServed('two TLS clients that come through a proxy from the same source port', (serve) => {
  it.each([
    ['first', [0, 1]],
    ['last', [1, 0]],
  ])('keep their own addresses and access, with the loopback one %s', async (_which, order) => {
    const { port, service } = await serve(options);
    const raw = await dialTwice(port);
    const shown: (boolean | undefined)[] = [];
    await Promise.all(order.map(async (which) => (shown[which] = await sawDetail(raw[which] as Socket))));
    const addresses = (await service.connections()).map(({ remoteAddress }) => remoteAddress);
    for (const socket of raw) socket.destroy();
    expect(shown).toEqual([true, false]);
    expect(addresses.sort()).toEqual(['127.0.0.1', '192.0.2.7']);
  });

  it('fail independently', async () => {
    const { port, service, stats } = await serve(options);
    const [local, stranger] = await dialTwice(port);
    // The first byte of a handshake, followed by invalid data.
    local.write(Buffer.alloc(64, 0x16));
    expect(await sawDetail(stranger)).toBe(false);
    await turnsUntil(() => stats.closed.tls === 1 && stats.arriving === 0);
    const addresses = (await service.connections()).map(({ remoteAddress }) => remoteAddress);
    for (const socket of [local, stranger]) socket.destroy();
    expect(addresses).toEqual(['192.0.2.7']);
  });
});
