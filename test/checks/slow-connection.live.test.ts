import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
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
import { compiledPackage } from '../cli/compiled.js';
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
/** Less than the timeout. Twice this time is more. */
const LONG = 700;

/**
 * Runs the check where connecting takes long and the answer takes just as long, measured with the clock of the run,
 * which otherwise stands still.
 */
async function passes(port: number, make: (port: number) => CheckDefinition): Promise<void> {
  const proxy = await TcpProxy.start({ to: port });
  const made = make(proxy.port);
  const clock = new FakeClock();
  // Ahead of this process's clock, with which the check computes its remaining time.
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
    // The connection was kept, so the run is not extended again.
    expect(await run()).toMatchObject({ status: 'pass' });
    expect([connections, proxy.accepted]).toEqual([1, 1]);
  } finally {
    await made.close?.();
    await proxy.stop();
  }
}

/** CommonJS modules loaded by `load` and by the first run of a check, in a new process. */
async function modulesLoaded(factory: string, url: string): Promise<{ byLoad: string[]; byRun: string[] }> {
  const script = `
    import { createRequire } from 'node:module';
    import { ${factory} } from ${JSON.stringify(pathToFileURL(join(compiledPackage(), 'dist', 'index.js')))};
    const { cache } = createRequire('/');
    const check = ${factory}({ url: ${JSON.stringify(url)} });
    await check.load();
    const byLoad = Object.keys(cache);
    const deadline = performance.now() + 30_000;
    const { status } = await check.run(AbortSignal.timeout(30_000), deadline);
    const byRun = Object.keys(cache).filter((name) => !byLoad.includes(name));
    console.log(JSON.stringify({ status, byLoad, byRun }));
    await check.close();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  const { status, ...modules } = JSON.parse(stdout);
  expect(status).toBe('pass');
  return modules;
}

describe('a check whose connection takes almost its timeout to open', () => {
  describe('of MariaDB', () => {
    let server: MariaDb;
    beforeAll(async () => {
      server = await MariaDb.start();
    }, 60_000);
    afterAll(() => server.stop());
    it('has loaded its driver before its first run', async () => {
      const { byLoad, byRun } = await modulesLoaded('mysqlCheck', server.url());
      expect(byLoad).toContainEqual(expect.stringContaining('mysql2'));
      expect(byRun).toEqual([]);
    });
    it('passes in its first run', () => passes(server.port, (port) => mysqlCheck({ url: server.url({ port }) })));
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

  it('of Redis has loaded its driver before its first run', async () => {
    const server = await Redis.start();
    try {
      const { byLoad, byRun } = await modulesLoaded('redisCheck', server.url());
      expect(byLoad).toContainEqual(expect.stringContaining('ioredis'));
      expect(byRun).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  it('of an HTTP service passes in its first run', async () => {
    const own = createServer({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) });
    const service = await HttpService.start({ server: own, scheme: 'https' });
    try {
      const { port } = new URL(service.url('/'));
      await passes(Number(port), (proxied) => httpCheck({ url: `https://127.0.0.1:${proxied}/`, tls }));
    } finally {
      await service.stop();
    }
  });

  it('of a responder passes in its first run', async () => {
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
