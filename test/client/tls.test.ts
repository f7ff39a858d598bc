import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterAll, describe, expect, it } from '@jest/globals';
import { tlsFailure } from '../../src/client/tls.js';
import { connect, ping } from '../../src/client.js';
import { Authority } from '../live/certificate.js';
import { ScriptedServer } from './scripted-server.js';

const authority = new Authority();
afterAll(() => authority.remove());

const address = { kind: 'tls', host: 'a.test', port: 1 } as const;
const failureOf = (code: string, stands = false) =>
  tlsFailure(address, Object.assign(new Error('?'), { code }), stands);

describe('a server that fails the TLS handshake', () => {
  it.each([
    ['CERT_HAS_EXPIRED', 'sent a certificate that has expired'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'sent a certificate that is for another name'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'sent a certificate that is self-signed'],
    ['CERT_ANYTHING_ELSE', 'sent a certificate that is not accepted (CERT_ANYTHING_ELSE)'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'requires a client certificate'],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'rejected the client certificate (certificate expired)'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'rejected the client certificate (unknown ca)'],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'aborted the TLS handshake: it may require a client certificate'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'does not use TLS: use pong://'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'supports no TLS version that is allowed here'],
    ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'uses another protocol over TLS (ALPN)'],
    ['ERR_SSL_ANYTHING_ELSE', 'failed the TLS connection (ERR_SSL_ANYTHING_ELSE)'],
  ])('is described: %s', (code, description) => {
    expect(failureOf(code)).toMatchObject({ code: 'PONGCHECK_TLS', message: `a.test:1 ${description}` });
  });

  it.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE'])('is not described as a network error: %s', (code) => {
    expect(failureOf(code, true)).toBeUndefined();
  });
});

describe('another kind of server', () => {
  it('that rejects a client without a certificate after its handshake is reported with the reason', async () => {
    const { cert, key } = authority.issue();
    const [ca, ...own] = [authority.ca, cert, key].map((path) => readFileSync(path)) as [Buffer, Buffer, Buffer];
    const server = createServer({ ca, cert: own[0], key: own[1], requestCert: true, rejectUnauthorized: true });
    server.on('tlsClientError', () => {}).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = await connect(`pongs://127.0.0.1:${(server.address() as AddressInfo).port}`, { tls: { ca } });
    const closed = once(client, 'close');
    await expect(client.ping()).rejects.toMatchObject({
      code: 'PONGCHECK_TLS',
      message: expect.stringMatching(/ requires a client certificate$/),
    });
    expect((await closed)[0]).toBe('tls');
    server.close();
  });

  it('that answers with a TLS alert is reported as one that requires TLS', async () => {
    const server = await ScriptedServer.listen((_frame, socket) => {
      socket.end(Buffer.from('15030100020246', 'hex'));
    });
    await expect(ping(server.address)).rejects.toMatchObject({
      code: 'PONGCHECK_PROTOCOL',
      message: expect.stringContaining('a TLS alert (this port requires TLS: use pongs://)'),
    });
    await server.stop();
  });

  it('that is silent during the handshake is limited by connectTimeout', async () => {
    const server = await ScriptedServer.listen();
    await expect(connect(`pongs://${server.address}`, { connectTimeout: 50 })).rejects.toMatchObject({
      code: 'PONGCHECK_TIMEOUT',
      message: `${server.address} did not complete the TLS handshake within 0.05 s`,
    });
    await server.stop();
  });
});
