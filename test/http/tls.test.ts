import { copyFileSync, readFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { createService, type Service } from '../../src/service/service.js';
import { Authority } from '../live/certificate.js';

const authority = new Authority();
const { ca } = authority;
const own = authority.issue();
const client = authority.issue({ name: 'client' });
afterAll(() => authority.remove());

const opened: Service[] = [];
afterEach(async () => {
  for (const service of opened.splice(0)) await service.stop();
});

async function start(tls: { cert: string; key: string; ca?: string }): Promise<Service> {
  const service = createService({ listen: [], http: { port: 0, tls } });
  opened.push(service);
  await service.start();
  return service;
}

function statusOf(url: string, shown: { cert?: Buffer; key?: Buffer } = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { ca: readFileSync(ca), agent: false, ...shown }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    }).on('error', reject);
  });
}

describe('HTTP over TLS', () => {
  it('answers at https://', async () => {
    const { httpAddress } = await start(own);
    expect(httpAddress).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(await statusOf(`${httpAddress}/readyz`)).toBe(200);
    await expect(fetch(`${httpAddress?.replace('https', 'http')}/readyz`)).rejects.toThrow();
  });

  it('answers only clients with a certificate if it requires one', async () => {
    const { httpAddress } = await start({ ...own, ca });
    const shown = { cert: readFileSync(client.cert), key: readFileSync(client.key) };
    expect(await statusOf(`${httpAddress}/livez`, shown)).toBe(200);
    await expect(statusOf(`${httpAddress}/livez`)).rejects.toMatchObject({ code: expect.stringMatching(/^E/) });
  });

  it('uses a replaced certificate while it is running', async () => {
    const [cert, key] = [authority.path('http.pem'), authority.path('http.key')];
    copyFileSync(own.cert, cert);
    copyFileSync(own.key, key);
    const service = await start({ cert, key });
    const { port } = new URL(service.httpAddress as string);
    const next = authority.issue({ name: 'next.example' });
    copyFileSync(next.cert, cert);
    copyFileSync(next.key, key);
    expect(await nameShown(Number(port))).toBe('localhost');
    await service.reloadCertificates();
    expect(await nameShown(Number(port))).toBe('next.example');
    expect(await service.register.metrics()).toContain(
      `pongcheck_tls_certificate_expiry_timestamp_seconds{listener="https://127.0.0.1:${port}"} 1`,
    );
  });

  it('does not start with invalid files', async () => {
    const service = createService({ listen: [], http: { port: 0, tls: { cert: ca, key: own.key } } });
    await expect(service.start()).rejects.toMatchObject({
      code: 'PONGCHECK_CONFIG',
      message: 'http.tls.key does not match tls.cert',
    });
  });
});

function nameShown(port: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subject.CN);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
