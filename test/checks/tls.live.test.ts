import { afterAll, describe, expect } from '@jest/globals';
import { mysqlCheck } from '../../src/checks/mysql/index.js';
import { redisCheck } from '../../src/checks/redis/index.js';
import type { TlsOptions } from '../../src/checks/shared/tls.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { makeCertificate } from '../live/certificate.js';
import { MariaDb } from '../live/mariadb.js';
import { ownServer } from '../live/own-server.js';
import { Redis } from '../live/redis.js';
import { runCheck } from '../live/run-check.js';
import { freePort } from '../live/server-process.js';

const certificate = makeCertificate();
const { cert: ca, key } = certificate;
afterAll(() => certificate.remove());

const cases = (): [TlsOptions, string | undefined][] => [
  [{ ca, servername: 'localhost' }, undefined],
  [{ verify: false }, undefined],
  [{ servername: 'localhost' }, 'tls'],
  [{ ca, servername: 'other' }, 'tls'],
];

async function verify(make: (tls: TlsOptions) => CheckDefinition): Promise<void> {
  for (const [tls, reason] of cases()) {
    const check = make(tls);
    // Runs twice, because a resumed session must also be verified.
    for (let run = 0; run < 2; run++) {
      expect([tls, await runCheck(check)]).toMatchObject([
        tls,
        reason ? { status: 'fail', reason } : { status: 'pass' },
      ]);
    }
    await check.close?.();
  }
}

const SENTENCE = 'is verified, unless verify is false';

describe('the certificate of a Redis', () => {
  ownServer('TEST_REDIS_URL')(SENTENCE, async () => {
    const port = await freePort();
    const files = ['--tls-cert-file', ca, '--tls-key-file', key, '--tls-ca-cert-file', ca];
    const server = await Redis.start({ args: ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files] });
    try {
      await verify((tls) => redisCheck({ url: `rediss://127.0.0.1:${port}`, tls, timeout: 2000 }));
    } finally {
      await server.stop();
    }
  });
});

describe('a Redis that uses TLS while the check does not, or vice versa', () => {
  ownServer('TEST_REDIS_URL')(
    'gets the reason tls, with and without a password, and a frozen one timeout',
    async () => {
      const port = await freePort();
      const files = ['--tls-cert-file', ca, '--tls-key-file', key, '--tls-ca-cert-file', ca];
      const server = await Redis.start({ args: ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files] });
      const checks: CheckDefinition[] = [];
      const check = (url: string) => {
        const made = redisCheck({ url, ...(url.startsWith('rediss') && { tls: { verify: false } }), timeout: 600 });
        checks.push(made);
        return runCheck(made);
      };
      try {
        for (const login of ['', ':pw@', 'user:pw@']) {
          expect(await check(`rediss://${login}127.0.0.1:${server.port}`)).toMatchObject({
            status: 'fail',
            reason: 'tls',
            output: 'the server does not use TLS: use redis://, or enable TLS on the server',
          });
          expect(await check(`redis://${login}127.0.0.1:${port}`)).toMatchObject({
            status: 'fail',
            reason: 'tls',
            output: 'the server uses TLS: use rediss://',
          });
        }
        await server.freeze();
        expect(await check(`rediss://127.0.0.1:${server.port}`)).toMatchObject({ reason: 'timeout' });
        expect(await check(`rediss://127.0.0.1:${port}`)).toMatchObject({ reason: 'timeout' });
      } finally {
        for (const made of checks) await made.close?.();
        await server.stop();
      }
    },
  );
});

describe('the certificate of a MariaDB', () => {
  ownServer('TEST_MYSQL_URL')(
    SENTENCE,
    async () => {
      const server = await MariaDb.start({ args: [`--ssl-cert=${ca}`, `--ssl-key=${key}`] });
      try {
        await verify((tls) => mysqlCheck({ url: server.url(), tls, timeout: 2000 }));
      } finally {
        await server.stop();
      }
    },
    60_000,
  );
});
