import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Authority } from '../live/certificate.js';
import { parseScrape } from '../metrics/scrape.js';
import { opened, start } from '../service/started.js';
import { HealthClient } from './client.js';

const authority = new Authority();
const other = new Authority();
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-grpc-'));
afterAll(() => {
  authority.remove();
  other.remove();
  rmSync(folder, { recursive: true });
});

const deadline = () => Date.now() + 10_000;

function clientOf(address: string, trusted: Authority, own?: { cert: string; key: string }): HealthClient {
  const read = (path: string) => readFileSync(path);
  const how = own
    ? credentials.createSsl(read(trusted.ca), read(own.key), read(own.cert))
    : credentials.createSsl(read(trusted.ca));
  // The certificates are also valid for this name.
  const client = new HealthClient(address.replace('127.0.0.1', 'localhost'), how);
  opened.push(() => client.close());
  return client;
}

describe.each([0, 1])('gRPC over TLS, with %d threads', (threads) => {
  it('uses a new certificate after the files have changed, and has its expiry as a metric', async () => {
    const files = { cert: join(folder, `${threads}.pem`), key: join(folder, `${threads}.key`) };
    const write = ({ cert, key }: { cert: string; key: string }) => {
      copyFileSync(cert, files.cert);
      copyFileSync(key, files.key);
    };
    write(authority.issue());
    const service = await start({ threads, grpc: { port: 0, tls: files } });
    const address = service.grpcAddress as string;
    expect(await clientOf(address, authority).check('')).toBe('SERVING');
    write(other.issue());
    await service.reloadCertificates();
    expect(await clientOf(address, other).check('', deadline())).toBe('SERVING');
    expect(await clientOf(address, authority).check('')).toBe('UNAVAILABLE');
    const expiry = 'pongcheck_tls_certificate_expiry_timestamp_seconds';
    const listeners = () =>
      service.register.metrics().then((text) =>
        parseScrape(text)
          .get(expiry)
          ?.samples.map(({ labels }) => labels.listener),
      );
    while (!(await listeners())?.includes(address)) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('refuses clients without a certificate from tls.ca, and plain text', async () => {
    const service = await start({ threads, grpc: { port: 0, tls: { ...authority.issue(), ca: authority.ca } } });
    const address = service.grpcAddress as string;
    expect(await clientOf(address, authority, authority.issue()).check('')).toBe('SERVING');
    expect(await clientOf(address, authority).check('')).toBe('UNAVAILABLE');
    expect(await clientOf(address, authority, other.issue()).check('')).toBe('UNAVAILABLE');
    const plain = new HealthClient(address);
    opened.push(() => plain.close());
    expect(await plain.check('')).toBe('UNAVAILABLE');
  });

  it('reports files that cannot be used', async () => {
    await expect(
      start({ threads, grpc: { port: 0, tls: { cert: '/none.pem', key: '/none.pem' } } }),
    ).rejects.toMatchObject({ code: 'PONGCHECK_CONFIG', message: 'grpc.tls.cert /none.pem cannot be read (ENOENT)' });
  });
});
