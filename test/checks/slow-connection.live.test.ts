import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineCheck } from '../../src/checks/define.js';
import { httpCheck } from '../../src/checks/http/index.js';
import { mysqlCheck } from '../../src/checks/mysql/index.js';
import { pingpongCheck } from '../../src/checks/pingpong/index.js';
import { redisCheck } from '../../src/checks/redis/index.js';
import { redactor } from '../../src/common/redact.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { type NormalizedResult, ResultNormalizer } from '../../src/health/result.js';
import { Run } from '../../src/health/runs/run.js';
import { createService } from '../../src/service/service.js';
import { FakeClock, settle } from '../fake-clock.js';
import { makeCertificate } from '../live/certificate.js';
import { HttpService } from '../live/http-service.js';
import { MariaDb } from '../live/mariadb.js';
import { ownServer } from '../live/own-server.js';
import { TcpProxy } from '../live/proxy.js';
import { Redis } from '../live/redis.js';
import { freePort } from '../live/server-process.js';

const certificate = makeCertificate();
afterAll(() => certificate.remove());
const tls = { ca: certificate.cert, servername: 'localhost' };

const TIMEOUT = 800;
/** Less than the timeout; two of them are more. */
const LONG = 700;

/** Runs it where connecting takes long and the answer does so once more, by the clock of the run, which stands still otherwise. */
async function passes(port: number, make: (port: number) => CheckDefinition): Promise<void> {
  const proxy = await TcpProxy.start({ to: port });
  const made = make(proxy.port);
  const clock = new FakeClock();
  // Ahead of the clock of this process, by which the check tells how much time it has left.
  clock.jump(performance.now() + 60_000);
  await made.load?.();
  const until = async (condition: () => boolean) => {
    while (!condition()) await settle();
  };
  let connections = 0;
  const check = defineCheck('slow', {
    ...made,
    timeout: TIMEOUT,
    run: (signal, deadline, hops, connected) =>
      made.run(signal, deadline, hops, () => {
        connections++;
        proxy.freeze();
        return connected?.() ?? 0;
      }),
  });
  const run = () =>
    new Promise<NormalizedResult>((resolve) => {
      const listener = { end: (_: Run, finding: NormalizedResult) => resolve(finding), settle: () => {} };
      new Run(check, 0, clock, new ResultNormalizer(redactor([]), 'me'), listener).begin();
    });
  try {
    proxy.freeze();
    const first = run();
    await until(() => proxy.accepted === 1);
    await clock.advance(LONG);
    proxy.thaw();
    await until(() => connections === 1);
    await clock.advance(LONG);
    proxy.thaw();
    expect(await first).toMatchObject({ status: 'pass' });
    // The connection was kept, and its time is not given again.
    expect(await run()).toMatchObject({ status: 'pass' });
    expect([connections, proxy.accepted]).toEqual([1, 1]);
  } finally {
    await made.close?.();
    await proxy.stop();
  }
}

it.each([
  ['mysql', 'createConnection', () => mysqlCheck({ url: 'mysql://127.0.0.1/' })],
  ['redis', 'Redis', () => redisCheck({ url: 'redis://127.0.0.1' })],
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
    it('passes its first run', () => passes(server.port, (port) => mysqlCheck({ url: server.url({ port }) })));
  });

  ownServer('TEST_REDIS_URL')('of Redis passes its first run', async () => {
    const port = await freePort();
    const files = ['--tls-cert-file', certificate.cert, '--tls-key-file', certificate.key];
    const server = await Redis.start({
      args: ['--tls-port', String(port), '--tls-auth-clients', 'no', '--tls-ca-cert-file', certificate.cert, ...files],
    });
    try {
      await passes(port, (proxied) => redisCheck({ url: `rediss://127.0.0.1:${proxied}`, tls }));
    } finally {
      await server.stop();
    }
  });

  it('of an HTTP service passes its first run', async () => {
    const own = createServer({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) });
    const service = await HttpService.start({ server: own, scheme: 'https' });
    try {
      const { port } = new URL(service.url('/'));
      await passes(Number(port), (proxied) => httpCheck({ url: `https://127.0.0.1:${proxied}/`, tls }));
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
      await passes(Number(port), (proxied) => pingpongCheck({ url: `pongs://127.0.0.1:${proxied}`, tls }));
    } finally {
      await service.stop();
    }
  });
});
