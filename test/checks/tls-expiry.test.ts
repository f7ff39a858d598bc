import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { type TlsExpiryOptions, tlsExpiryCheck } from '../../src/checks/tls-expiry/index.js';
import { ONE_DAY } from '../../src/options/option.js';
import { Authority, makeCertificate } from '../live/certificate.js';
import { type Outcome, runCheck } from '../live/run-check.js';
import { freePort } from '../live/server-process.js';
import { whenClosed } from '../when-closed.js';

const authority = new Authority();
const expired = new Authority({ expired: true });
const selfSigned = makeCertificate();
const { ca } = authority;
const files = {
  'one of 30 days': authority.issue({ days: 30 }),
  'one of 10 days': authority.issue({ days: 10 }),
  'one of 2 days': authority.issue({ days: 2 }),
  'an expired one': authority.issue({ expired: true }),
  'one of another name': authority.issue({ name: 'other.test', days: 30 }),
  'one of an expired CA': expired.issue({ days: 30 }),
  'a self-signed one': selfSigned,
} as const;
afterAll(() => {
  authority.remove();
  expired.remove();
  selfSigned.remove();
});

let server: Server | undefined;
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  if (!server) return;
  server.close();
  await once(server, 'close');
  server = undefined;
});

async function listen(one: Server, port = 0): Promise<string> {
  server = one;
  one.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });
  one.listen(port, '127.0.0.1');
  await once(one, 'listening');
  return `tls://localhost:${(one.address() as AddressInfo).port}`;
}

/** Starts a server with this certificate and returns its URL. */
function serve(which: keyof typeof files, more: TlsOptions = {}, port = 0): Promise<string> {
  const { cert, key } = files[which];
  const one = createServer({ cert: readFileSync(cert), key: readFileSync(key), ...more }, (socket) => {
    socket.on('error', () => {}).resume();
  });
  return listen(
    one.on('tlsClientError', () => {}),
    port,
  );
}

const run = (options: TlsExpiryOptions): Promise<Outcome> =>
  runCheck(tlsExpiryCheck({ timeout: 10_000, ...options, tls: { ca, ...options.tls } }));

describe('a tls-expiry check', () => {
  it.each([
    ['one of 30 days', { status: 'pass', observedValue: 29.9 }],
    [
      'one of 10 days',
      {
        status: 'warn',
        reason: 'threshold',
        observedValue: 9.9,
        output: 'the certificate expires in 9.9 days, warning below 21 days',
      },
    ],
    [
      'one of 2 days',
      {
        status: 'fail',
        reason: 'threshold',
        observedValue: 1.9,
        output: 'the certificate expires in 1.9 days, minimum: 7 days',
      },
    ],
    [
      'an expired one',
      { status: 'fail', reason: 'tls', output: expect.stringMatching(/^the certificate expired 1 days ago$/) },
    ],
    ['one of another name', { status: 'fail', reason: 'tls', output: 'the certificate is for another name' }],
    ['a self-signed one', { status: 'fail', reason: 'tls', output: 'the certificate is self-signed' }],
  ] as const)('of %s', async (which, outcome) => {
    const url = await serve(which);
    expect(await run({ url })).toMatchObject({ ...outcome, observedUnit: 'days' });
  });

  it('closes its connection', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await serve('one of 30 days');
    server?.once('connection', (socket) => {
      closed = whenClosed(socket);
    });
    expect(await run({ url })).toMatchObject({ status: 'pass' });
    await closed;
  });

  it('has limits that can be changed, and disabled', async () => {
    const url = await serve('one of 2 days');
    const day = ONE_DAY;
    expect(await run({ url, minRemaining: day, warnRemaining: day })).toMatchObject({ status: 'pass' });
    expect(await run({ url, minRemaining: day, warnRemaining: 3 * day })).toMatchObject({ status: 'warn' });
    expect(await run({ url, minRemaining: 3 * day, warnRemaining: 0 })).toMatchObject({ status: 'fail' });
    expect(await run({ url, minRemaining: 0, warnRemaining: 0 })).toMatchObject({ status: 'pass' });
  });

  it('checks only the validity with verify: false, with which an expired certificate still fails', async () => {
    const tls = { verify: false };
    const limits = { minRemaining: 0, warnRemaining: 0 };
    for (const which of ['one of another name', 'a self-signed one'] as const) {
      expect(await run({ url: await serve(which), ...limits, tls })).toMatchObject({ status: 'pass' });
      await close();
    }
    const url = await serve('an expired one');
    expect(await run({ url, ...limits, tls })).toMatchObject({ status: 'fail', reason: 'tls' });
  });

  it.each([
    ['unknown', 'one of 30 days', selfSigned.cert, 'the certificate was issued by an unknown CA'],
    ['expired', 'one of an expired CA', expired.ca, 'the certificate was issued by a CA that has expired'],
  ] as const)('fails for a CA that is %s', async (_, which, known, output) => {
    const url = await serve(which);
    expect(await run({ url, tls: { ca: known } })).toMatchObject({ status: 'fail', reason: 'tls', output });
  });

  it('requests the server by its name, or by the configured one', async () => {
    const names: unknown[] = [];
    const url = await serve('one of another name', {
      SNICallback: (name, done) => {
        names.push(name);
        done(null);
      },
    });
    expect(await run({ url, tls: { servername: 'other.test' } })).toMatchObject({ status: 'pass' });
    expect(await run({ url })).toMatchObject({ reason: 'tls' });
    expect(names).toEqual(['other.test', 'localhost']);
  });

  it('checks the address if the host is one, and accepts https://', async () => {
    const url = (await serve('one of 30 days')).replace('tls://localhost', 'https://127.0.0.1');
    expect(await run({ url })).toMatchObject({ status: 'pass' });
  });

  it('fails with refused if nothing listens, and passes when the server is back', async () => {
    const port = await freePort();
    const url = `tls://localhost:${port}`;
    expect(await run({ url })).toMatchObject({ status: 'fail', reason: 'refused' });
    await serve('one of 30 days', {}, port);
    expect(await run({ url })).toMatchObject({ status: 'pass' });
  });

  it('detects a renewed certificate', async () => {
    const url = await serve('one of 2 days');
    const check = tlsExpiryCheck({ url, timeout: 10_000, tls: { ca } });
    expect(await runCheck(check)).toMatchObject({ status: 'fail' });
    await close();
    await serve('one of 30 days', {}, Number(new URL(url).port));
    expect(await runCheck(check)).toMatchObject({ status: 'pass' });
  });

  it.each([
    ['a server without TLS', (socket: Socket) => socket.end('220 ready\r\n'), 'tls'],
    ['a server that closes', (socket: Socket) => socket.end(), 'reset'],
    ['a server that resets', (socket: Socket) => socket.resetAndDestroy(), 'reset'],
  ] as [string, (socket: Socket) => unknown, string][])('fails for %s', async (_, onConnection, reason) => {
    const url = await listen(createTcpServer(onConnection));
    expect(await run({ url })).toMatchObject({ status: 'fail', reason });
  });

  it('ends at its timeout during the handshake, and closes the connection', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await listen(
      createTcpServer((socket) => {
        closed = whenClosed(socket.resume());
      }),
    );
    expect(await run({ url, timeout: 100 })).toMatchObject({ status: 'fail', reason: 'timeout' });
    await closed;
  });
});

async function close(): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server?.close();
  await once(server as Server, 'close');
}

describe('the options of a tls-expiry check', () => {
  it.each([
    [{ url: 'tcp://h:1' }, /scheme/],
    [{ url: 'tls://me:hush@h' }, /credentials/],
    [{ url: 'tls://h:0' }, /port 0/],
    [{ url: 'tls://h', minRemaining: -1 }, /minRemaining is -1/],
    [{ url: 'tls://h', tls: { ca: '/nowhere.pem' } }, /tls.ca is a file that cannot be read/],
    [{ url: 'tls://h', tls: { cert: ca } }, /tls.key is missing/],
    [{ url: 'tls://h', warnDays: 3 }, /warnDays/],
  ])('refuse %j', (options, why) => {
    expect(() => tlsExpiryCheck(options as TlsExpiryOptions)).toThrow(why);
  });

  it('refuse a file that is not a certificate, without quoting it', () => {
    const path = authority.path('no.pem');
    writeFileSync(path, 'hush');
    expect(() => tlsExpiryCheck({ url: 'tls://h', tls: { cert: path, key: path } })).toThrow(/tls is not usable/);
  });
});
