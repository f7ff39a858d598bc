import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { http } from '../../src/checks/http.js';
import { mysql } from '../../src/checks/mysql.js';
import { pingpong } from '../../src/checks/pingpong.js';
import { redis } from '../../src/checks/redis.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { createService } from '../../src/service.js';
import { makeCertificate } from '../live/certificate.js';
import { HttpService } from '../live/http-service.js';
import { MariaDb } from '../live/mariadb.js';
import { ownServer } from '../live/own-server.js';
import { TcpProxy } from '../live/proxy.js';
import { Redis } from '../live/redis.js';
import { runCheck } from '../live/run-check.js';
import { freePort } from '../live/server-process.js';

/** One way; an answer takes twice as long. */
const DELAY = 200;

const certificate = makeCertificate();
afterAll(() => certificate.remove());
const tls = { ca: certificate.cert, servername: 'localhost' };

/** Each takes less than its timeout to connect, less for an answer, and more for both. */
async function passes(port: number, make: (port: number) => CheckDefinition): Promise<void> {
  const proxy = await TcpProxy.start({ to: port, delay: DELAY });
  const check = make(proxy.port);
  try {
    expect(await runCheck(check)).toMatchObject({ status: 'pass' });
    expect(await runCheck(check)).toMatchObject({ status: 'pass' });
    expect(proxy.accepted).toBe(1);
  } finally {
    await check.close?.();
    await proxy.stop();
  }
}

it.each([
  ['mysql', 'createConnection', () => mysql({ url: 'mysql://127.0.0.1/' })],
  ['redis', 'Redis', () => redis({ url: 'redis://127.0.0.1' })],
] as const)('a %s check loads its driver before its first run', async (_kind, exported, make) => {
  expect(await make().load?.()).toHaveProperty(exported);
});

describe('a check whose connection takes almost its timeout to be made', () => {
  describe('of MariaDB', () => {
    let server: MariaDb;
    beforeAll(async () => {
      server = await MariaDb.start();
    }, 60_000);
    afterAll(() => server.stop());
    it('passes its first run', () => passes(server.port, (port) => mysql({ url: server.url({ port }), timeout: 800 })));
  });

  ownServer('TEST_REDIS_URL')('of Redis passes its first run', async () => {
    const port = await freePort();
    const files = ['--tls-cert-file', certificate.cert, '--tls-key-file', certificate.key];
    const server = await Redis.start({
      args: ['--tls-port', String(port), '--tls-auth-clients', 'no', '--tls-ca-cert-file', certificate.cert, ...files],
    });
    try {
      await passes(port, (proxied) => redis({ url: `rediss://127.0.0.1:${proxied}`, tls, timeout: 600 }));
    } finally {
      await server.stop();
    }
  });

  it('of an HTTP service passes its first run', async () => {
    const own = createServer({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) });
    const service = await HttpService.start({ server: own, scheme: 'https' });
    try {
      const { port } = new URL(service.url('/'));
      await passes(Number(port), (proxied) => http({ url: `https://127.0.0.1:${proxied}/`, tls, timeout: 600 }));
    } finally {
      await service.stop();
    }
  });

  it('of a responder passes its first run', async () => {
    const { cert, key } = certificate;
    const service = createService({ listen: [{ url: 'pongs://127.0.0.1:0', tls: { cert, key } }], http: false });
    await service.start();
    try {
      const { port } = new URL(service.addresses[0] as string);
      await passes(Number(port), (proxied) => pingpong({ url: `pongs://127.0.0.1:${proxied}`, tls, timeout: 600 }));
    } finally {
      await service.stop();
    }
  });
});
