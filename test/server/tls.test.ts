import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { type ClientTls, connect, ping } from '../../src/client.js';
import type { TlsSettings } from '../../src/server/certificates/tls-files.js';
import { FakeClock } from '../fake-clock.js';
import { Authority, makeCertificate } from '../live/certificate.js';
import { FakeHealth } from './fake-health.js';
import { type Options, serve as serveDirectly, turnsUntil } from './harness.js';
import { listening } from './listening.js';
import { frame, ping as pingHex, pong } from './peer.js';
import { describeServed, type ServedOptions } from './scripted-service.js';

const id = 'a1a2a3a4a5a6a7a8';
const authority = new Authority();
const { remove: removeStranger, ...stranger } = makeCertificate();
const { ca } = authority;
const own = authority.issue();
const expired = authority.issue({ expired: true });
const clientFiles = authority.issue({ name: 'client' });
afterAll(() => {
  authority.remove();
  removeStranger();
});

const pem = (path: string) => readFileSync(path);
const trusting: ClientTls = { ca: pem(ca) };
const shown = ({ cert, key }: { cert: string; key: string }): ClientTls => ({
  ...trusting,
  cert: pem(cert),
  key: pem(key),
});
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** A listener with TLS. */
const withTls = (tls: Partial<TlsSettings> = {}, options: ServedOptions = {}): ServedOptions => ({
  ...options,
  listener: { tls: { ...own, ...tls } },
});

async function serveTlsDirectly(tls: Partial<TlsSettings>, options: Options) {
  const heard = listening();
  const health = new FakeHealth();
  health.atOnce = 'pass';
  const served = await serveDirectly({ health, log: heard.log, ...options, listener: { tls: { ...own, ...tls } } });
  return { ...served, ...heard, url: `pongs://127.0.0.1:${served.port}` };
}

/** Everything that a socket receives until its end. */
async function untilEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  await new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  return Buffer.concat(chunks);
}

function plain(port: number, octets: Buffer | string): Socket {
  const socket = connectTcp(port, '127.0.0.1', () => socket.write(octets));
  sockets.push(socket);
  return socket;
}

async function secure(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca: pem(ca), ...options });
  sockets.push(socket);
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  return socket;
}

describe('a listener with TLS', () => {
  it('bounds what is buffered for a peer that does not read, and drops it if there is no progress', async () => {
    const clock = new FakeClock();
    const { port, health, server, stats } = await serveTlsDirectly({}, { clock, limits: { pingsPerSecond: 0 } });
    health.report = { filler: 'x'.repeat(8000) };
    const socket = await secure(port, {});
    socket.on('error', () => {}).pause();
    const flood = Buffer.from(pingHex(id, { flags: '01' }).repeat(2000), 'hex');
    let stopped = false;
    const push = () => {
      while (!stopped && !socket.destroyed && socket.write(flood));
    };
    socket.on('drain', push);
    push();
    await turnsUntil(() => stats.paused['max-queued-bytes'] > 0);
    for (const { socket: own } of server.connections) expect(own.writableLength).toBeLessThan(2 * 262_144);
    for (let ms = 0; ms < 9900; ms += 100) await clock.advance(100);
    expect(stats.open).toBe(1);
    // The limit is measured from the last byte that the kernel accepted.
    for (let ms = 0; ms < 5000 && stats.open > 0; ms += 100) await clock.advance(100);
    stopped = true;
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed['slow-peer']).toBe(1);
  });

  it('ends a handshake that is not complete in time, even if it progresses slowly', async () => {
    const clock = new FakeClock();
    const { port, descriptions, stats } = await serveTlsDirectly({}, { clock, limits: { handshakeTimeout: 1000 } });
    const silent = untilEnd(plain(port, ''));
    const slow = plain(port, Buffer.from('1603010200', 'hex'));
    const ended = untilEnd(slow);
    await turnsUntil(() => stats.arriving === 2);
    for (let i = 0; i < 9; i++) {
      slow.write('x');
      await clock.advance(100);
    }
    expect(stats.arriving).toBe(2);
    await clock.advance(200);
    await Promise.all([silent, ended]);
    await turnsUntil(() => stats.closed.tls === 2 && stats.arriving === 0);
    expect(descriptions).toEqual(['TLS handshake not completed in time']);
  });

  it('closes a client without a certificate that sends nothing within limits.handshakeTimeout', async () => {
    const clock = new FakeClock();
    const { port, stats } = await serveTlsDirectly({ ca }, { clock, limits: { handshakeTimeout: 1000 } });
    const socket = await secure(port, {});
    const ended = untilEnd(socket);
    await turnsUntil(() => stats.open === 1);
    await clock.advance(1200);
    expect(await ended).toHaveLength(0);
    await turnsUntil(() => stats.closed.unauthenticated === 1);
  });
});

describeServed('a listener with TLS', (serve) => {
  it('answers like one without TLS, and offers this protocol with ALPN', async () => {
    const { port, url } = await serve(withTls());
    const client = await connect(url, { tls: trusting });
    expect(await client.ping()).toMatchObject({ status: 'pass' });
    const asker = async () => {
      for (let turn = 0; turn < 20; turn++) expect((await client.ping()).status).toBe('pass');
    };
    await Promise.all(Array.from({ length: 64 }, asker));
    await client.close();
    expect((await secure(port, { ALPNProtocols: ['pongcheck/1'] })).alpnProtocol).toBe('pongcheck/1');
    expect((await secure(port, {})).alpnProtocol).toBe(false);
    await expect(secure(port, { ALPNProtocols: ['h2'] })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    });
  });

  it('answers requests that precede a FIN, and then sends its own FIN', async () => {
    const { port, health } = await serve(withTls());
    await health.hold();
    const socket = await secure(port, { allowHalfOpen: true } as ConnectionOptions);
    const heard = untilEnd(socket);
    socket.end(Buffer.from(pingHex(id), 'hex'));
    await health.settle('fail');
    expect((await heard).toString('hex')).toBe(pong(id, '03'));
  });

  it('answers what has arrived when it closes, then FIN', async () => {
    const { port, service } = await serve(withTls());
    const socket = await secure(port, {});
    const heard = untilEnd(socket);
    socket.write(Buffer.from(pingHex(id), 'hex'));
    await new Promise((resolve) => setImmediate(resolve));
    await service.stop();
    // The PING may be read before or after the drain with which `stop` begins.
    expect([pong(id, '01'), pong(id, '04')]).toContain((await heard).toString('hex'));
  });

  it('also serves line mode', async () => {
    const { port } = await serve(withTls());
    const socket = await secure(port, {});
    socket.write('agent\n');
    expect((await untilEnd(socket)).toString()).toBe('ready up 100%\n');
  });

  it.each([
    ['TLSv1.1', undefined],
    ['TLSv1.2', 'TLSv1.3'],
  ] as const)('does not accept %s if the minimum is %s', async (maxVersion, minVersion) => {
    const { port, descriptions, stats } = await serve(withTls(minVersion && { minVersion }));
    const old = { maxVersion, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(secure(port, old)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
    await turnsUntil(() => stats.closed.tls === 1);
    expect(await descriptions()).toEqual([
      'TLS handshake failed: the client supports no TLS version that is allowed here',
    ]);
  });

  it('answers a frame in plain text with an ERROR that names TLS', async () => {
    const { port, descriptions, stats } = await serve(withTls());
    const failed = await ping(`127.0.0.1:${port}`).catch((error) => error);
    expect(failed).toMatchObject({ code: 'PONGCHECK_REFUSED', wire: { code: 1 } });
    expect(failed.message).toContain('this listener requires TLS: use pongs:// instead of pong://');
    await turnsUntil(() => stats.closed.tls === 1 && stats.arriving === 0);
    expect(await descriptions()).toEqual(['plain text on a TLS listener']);
    expect(stats.errors[1]).toBe(1);
  });

  it.each(['ping\n', 'GET / HTTP/1.1\r\n\r\n', '\x80'])(
    'closes the connection without an answer for other plain text: %j',
    async (text) => {
      const { port, stats } = await serve(withTls());
      expect(await untilEnd(plain(port, text))).toHaveLength(0);
      await turnsUntil(() => stats.closed.tls === 1);
    },
  );

  it('does not log connections that close without a byte', async () => {
    const { port, descriptions, stats } = await serve(withTls());
    const socket = plain(port, '');
    socket.end();
    await untilEnd(socket);
    await turnsUntil(() => stats.closed['client-closed'] === 1 && stats.arriving === 0);
    expect(await descriptions()).toEqual([]);
  });

  it('closes connections beyond limits.maxHandshakes when they are accepted', async () => {
    const { port, stats, url } = await serve(withTls({}, { limits: { maxHandshakes: 2 } }));
    const waiting = [plain(port, ''), plain(port, Buffer.from('16', 'hex'))];
    await turnsUntil(() => stats.arriving === 2);
    expect(await untilEnd(plain(port, ''))).toHaveLength(0);
    expect(stats.refused['max-handshakes']).toBe(1);
    for (const socket of waiting) socket.destroy();
    await turnsUntil(() => stats.arriving === 0);
    expect(await ping(url, { tls: trusting })).toMatchObject({ status: 'pass' });
  });

  it('counts connections in a handshake toward limits.maxConnections', async () => {
    const { port, stats } = await serve(withTls({}, { limits: { maxConnections: 1 } }));
    plain(port, '');
    await turnsUntil(() => stats.arriving === 1);
    expect(await untilEnd(plain(port, ''))).toHaveLength(0);
    expect(stats.refused['max-connections']).toBe(1);
  });

  it('leaves no handshake open when it closes', async () => {
    const { port, stats, service } = await serve(withTls());
    const ended = [untilEnd(plain(port, '')), untilEnd(plain(port, Buffer.from('16', 'hex')))];
    await turnsUntil(() => stats.arriving === 2);
    await service.stop();
    await Promise.all(ended);
    expect(stats.closed.drained).toBe(2);
    expect(stats.arriving).toBe(0);
  });

  it('fails on a listener without TLS, which logs that once', async () => {
    const { port, stats, descriptions } = await serve();
    for (let i = 0; i < 2; i++) {
      await expect(ping(`pongs://127.0.0.1:${port}`, { tls: trusting })).rejects.toMatchObject({
        code: 'PONGCHECK_TLS',
        message: `127.0.0.1:${port} closed the connection during the TLS handshake: it may not use TLS (pong://)`,
      });
    }
    await turnsUntil(() => stats.closed.tls === 2);
    expect(await descriptions()).toEqual([
      'TLS handshake on a plain listener, closed; use pong:// or configure tls (logged once)',
    ]);
  });
});

describeServed('openssl s_client', (serve) => {
  it.each<[string, string[], string]>([
    ['gets its PONG', ['-alpn', 'pongcheck/1', '-cert', clientFiles.cert, '-key', clientFiles.key], pong(id, '01')],
    ['without ALPN as well', ['-cert', clientFiles.cert, '-key', clientFiles.key], pong(id, '01')],
    [
      'with a protocol of its own gets nothing',
      ['-alpn', 'h2', '-cert', clientFiles.cert, '-key', clientFiles.key],
      '',
    ],
    ['without a certificate gets an ERROR', ['-alpn', 'pongcheck/1'], '017f0106'],
  ])('%s', async (_what, options, answer) => {
    const { port } = await serve(withTls({ ca }));
    const octets = await sClient(port, options, Buffer.from(pingHex(id, { flags: '02' }), 'hex'));
    expect(octets.toString('hex')).toContain(answer);
    if (answer === '') expect(octets).toHaveLength(0);
  });
});

describeServed('a client that does not accept the certificate', (serve) => {
  it('is logged', async () => {
    const { port, descriptions, stats } = await serve(withTls(stranger));
    expect(await sClient(port, [], Buffer.alloc(0))).toHaveLength(0);
    await turnsUntil(() => stats.closed.tls === 1);
    expect(await descriptions()).toEqual(['TLS handshake failed: the client rejected the certificate of this server']);
  });
});

/** What `openssl s_client` prints about the answer to `octets`, until the server closes. */
async function sClient(port: number, options: string[], octets: Buffer): Promise<Buffer> {
  const args = ['s_client', '-quiet', '-verify_return_error', '-CAfile', ca, '-connect', `127.0.0.1:${port}`];
  const child = spawn('openssl', [...args, ...options], { stdio: ['pipe', 'pipe', 'ignore'], timeout: 10_000 });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.write(octets);
  await once(child, 'close');
  return Buffer.concat(chunks);
}

describe('the certificate of a server', () => {
  it('is checked for a newer one every minute', async () => {
    const clock = new FakeClock();
    const [cert, key] = [authority.path('checked.pem'), authority.path('checked.key')];
    copyFileSync(own.cert, cert);
    copyFileSync(own.key, key);
    const { url, descriptions } = await serveTlsDirectly({ cert, key }, { clock });
    const newer = authority.issue({ name: 'renewed.example' });
    copyFileSync(newer.cert, cert);
    copyFileSync(newer.key, key);
    await clock.advance(60_000);
    await turnsUntil(() => descriptions.length === 1);
    expect(descriptions[0]).toContain(`certificate of ${url} reloaded, valid until 20`);
  });
});

describeServed('the certificate of a server', (serve) => {
  it.each<[string, Partial<TlsSettings>, ClientTls, string]>([
    ['has expired', expired, trusting, 'sent a certificate that has expired'],
    ['is self-signed', stranger, trusting, 'sent a certificate that is self-signed'],
    ['is of an unknown authority', {}, {}, 'sent a certificate that was issued by an unknown CA'],
    ['has another name', {}, { ...trusting, servername: 'b.example' }, 'sent a certificate that is for another name'],
  ])('that %s makes the client fail with that reason', async (_what, files, tls, description) => {
    const { url, port } = await serve(withTls(files));
    const failed = await ping(url, { tls }).catch((error) => error);
    expect(failed).toMatchObject({ code: 'PONGCHECK_TLS', message: `127.0.0.1:${port} ${description}` });
    expect(await ping(url, { tls: { rejectUnauthorized: false } })).toMatchObject({ status: 'pass' });
  });

  it('is replaced while the listener is running, for all later connections', async () => {
    const [cert, key] = [authority.path('live.pem'), authority.path('live.key')];
    const put = (files: { cert: string; key: string }) => {
      copyFileSync(files.cert, cert);
      copyFileSync(files.key, key);
    };
    put(own);
    const { url, service, descriptions, port, stats } = await serve(withTls({ cert, key }));
    const before = await connect(url, { tls: trusting });
    put(authority.issue({ name: 'renewed.example' }));
    const renewed = async () => {
      const socket = await secure(port, { servername: '' });
      return socket.getPeerCertificate().subject.CN;
    };
    const certificateLines = async () => (await descriptions()).filter((line) => line.startsWith('certificate of '));
    /** Repeated, because a thread without CPU time does not answer in time, which is logged as well. */
    const reload = async (lines: number) => {
      do await service.reloadCertificates();
      while ((await certificateLines()).length < lines);
    };
    expect(await renewed()).toBe('localhost');
    await reload(1);
    const [first] = await certificateLines();
    expect(first).toMatch(/^certificate of pongs:\/\/127\.0\.0\.1:\d+ reloaded, valid until 20/);
    expect(await renewed()).toBe('renewed.example');
    expect(await before.ping()).toMatchObject({ status: 'pass' });
    await before.close();

    // An invalid file is logged once, and the previous certificate stays in use.
    writeFileSync(key, 'hunter2');
    await reload(2);
    await service.reloadCertificates();
    expect((await certificateLines()).slice(1)).toEqual([
      `certificate of ${url} not reloaded, the old one remains in use: tls.key contains no private key in PEM`,
    ]);
    expect(await renewed()).toBe('renewed.example');
    put(own);
    await reload(3);
    expect((await certificateLines())[2]).toContain('reloaded, valid until');
    expect(await renewed()).toBe('localhost');
    await turnsUntil(() => stats.certificates().length > 0);
    expect(stats.certificates()).toEqual([[url, expect.any(Number)]]);
  });

  it.each<[string, Partial<TlsSettings>, string]>([
    ['without an end', { cert: '/dev/zero' }, 'tls.cert /dev/zero is larger than 1024 KiB'],
    ['that is a folder', { cert: '/' }, 'tls.cert / cannot be read (EISDIR)'],
    ['that does not exist', { cert: '/nowhere.pem' }, 'tls.cert /nowhere.pem cannot be read (ENOENT)'],
    ['with the key of another certificate', { key: clientFiles.key }, 'tls.key does not match tls.cert'],
    ['that is a key', { cert: own.key }, 'tls.cert or tls.key is not PEM'],
    ['with a key in place of authorities', { ca: own.key }, `tls.ca ${own.key} contains no certificate in PEM`],
  ])('%s opens no listener', async (_what, files, description) => {
    await expect(serve(withTls(files))).rejects.toMatchObject({
      code: 'PONGCHECK_CONFIG',
      message: `pongs://127.0.0.1:0: ${description}`,
    });
  });
});

describeServed('a listener that requires client certificates', (serve) => {
  it('answers a client with a certificate', async () => {
    const { url } = await serve(withTls({ ca }));
    expect(await ping(url, { tls: shown(clientFiles) })).toMatchObject({ status: 'pass' });
  });

  it.each<[string, ClientTls, string]>([
    ['has no certificate', trusting, 'a client certificate is required here'],
    [
      'has an expired certificate',
      shown(authority.issue({ name: 'client', expired: true })),
      'the client certificate has expired',
    ],
    ['has a self-signed certificate', shown(stranger), 'the client certificate is self-signed'],
  ])('answers a client that %s with the reason, and nothing else', async (_what, tls, why) => {
    const { url, port, stats, descriptions } = await serve(withTls({ ca }, { detail: 'always' }));
    await expect(ping(url, { tls, detail: true })).rejects.toMatchObject({
      code: 'PONGCHECK_REFUSED',
      wire: { name: 'unauthenticated', message: why },
    });
    await turnsUntil(() => stats.closed.unauthenticated === 1);
    expect(await descriptions()).toEqual([why]);
    const { ca: _ca, ...showing } = tls;
    const socket = await secure(port, showing as ConnectionOptions);
    socket.write('ping\n');
    expect(await untilEnd(socket)).toHaveLength(0);
    expect((await descriptions())[1]).toBe(`line mode rejected: ${why}`);
    const hello = await secure(port, showing as ConnectionOptions);
    hello.write(Buffer.from(frame('05', id, { token: 'a-right-token-0123456789' }), 'hex'));
    expect((await untilEnd(hello)).toString('hex')).toContain('017f0106');
    expect(stats.pings.readiness.pass).toBe(0);
  });
});
