import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { mysql } from '../../src/checks/mysql.js';
import { redis } from '../../src/checks/redis.js';
import type { TlsOptions } from '../../src/checks/tls.js';
import { type Certificate, makeCertificate } from '../live/certificate.js';
import { MariaDb } from '../live/mariadb.js';
import { ownServer } from '../live/own-server.js';
import { Redis } from '../live/redis.js';
import { runCheck } from '../live/run-check.js';
import { freePort } from '../live/server-process.js';

describe('by TLS', () => {
  let certificate: Certificate;
  let trusted: TlsOptions;
  beforeAll(() => {
    certificate = makeCertificate();
    trusted = { ca: certificate.cert, servername: 'localhost' };
  });
  afterAll(() => certificate.remove());

  describe('a check of MariaDB', () => {
    const itOwnServer = ownServer('TEST_MYSQL_URL');
    let mariadb: MariaDb;
    beforeAll(async () => {
      const { cert, key } = certificate;
      mariadb = await MariaDb.start({ args: [`--ssl-cert=${cert}`, `--ssl-key=${key}`] });
      if (mariadb.own) await mariadb.query("CREATE USER app@'127.0.0.1' IDENTIFIED BY 'p4ss' REQUIRE SSL");
    }, 60_000);
    afterAll(() => mariadb.stop());

    const run = async (tls?: TlsOptions, parameters = '') => {
      const url = mariadb.url({ user: 'app', password: 'p4ss' }) + parameters;
      const check = mysql({ url, timeout: 3000, ...(tls && { tls }) });
      const outcomes = [await runCheck(check), await runCheck(check)];
      await check.close?.();
      expect(outcomes[0]?.reason).toBe(outcomes[1]?.reason);
      return outcomes[1];
    };

    itOwnServer('passes where the certificate is one of a given authority, or any is taken', async () => {
      expect(await run(trusted)).toMatchObject({ status: 'pass' });
      expect(await run({ verify: false })).toMatchObject({ status: 'pass' });
    });

    itOwnServer('fails with auth without TLS, as the user has to have it', async () => {
      expect(await run()).toMatchObject({ status: 'fail', reason: 'auth' });
    });

    itOwnServer('fails with tls where the authority is unknown, or the name another', async () => {
      expect(await run({ servername: 'localhost' })).toMatchObject({ status: 'fail', reason: 'tls' });
      expect(await run({ ...trusted, servername: 'other' })).toMatchObject({ status: 'fail', reason: 'tls' });
    });

    itOwnServer('fails with tls where the server has none', async () => {
      const plain = await MariaDb.start({ args: ['--skip-ssl'] });
      const check = mysql({ url: plain.url(), tls: { verify: false }, timeout: 3000 });
      expect(await runCheck(check)).toMatchObject({ status: 'fail', reason: 'tls' });
      await check.close?.();
      await plain.stop();
    });

    itOwnServer('ends at its timeout while the server stands still, and passes when it goes on', async () => {
      const check = mysql({
        url: mariadb.url({ user: 'app', password: 'p4ss' }),
        tls: trusted,
        timeout: 300,
      });
      await runCheck(check);
      await mariadb.freeze();
      for (let round = 0; round < 3; round++) {
        const outcome = await runCheck(check);
        expect(outcome).toMatchObject({ status: 'fail', reason: 'timeout' });
        expect(outcome.letGoMs).toBeLessThan(200);
      }
      mariadb.thaw();
      expect(await run(trusted)).toMatchObject({ status: 'pass' });
      expect(await runCheck(check)).toMatchObject({ status: 'pass' });
      await check.close?.();
    });
  });

  describe('a check of Redis', () => {
    const itOwnServer = ownServer('TEST_REDIS_URL');
    let server: Redis;
    let url: string;
    beforeAll(async () => {
      const port = await freePort();
      const { cert, key } = certificate;
      const tls = [
        '--tls-cert-file',
        cert,
        '--tls-key-file',
        key,
        '--tls-ca-cert-file',
        cert,
        '--tls-auth-clients',
        'no',
      ];
      server = await Redis.start({ args: ['--tls-port', String(port), ...tls] });
      url = server.url({ port }).replace('redis:', 'rediss:');
    }, 60_000);
    afterAll(() => server.stop());

    const run = async (tls?: TlsOptions) => {
      const check = redis({ url, timeout: 3000, ...(tls && { tls }) });
      const outcome = await runCheck(check);
      await check.close?.();
      return outcome;
    };

    itOwnServer('passes where the certificate is one of a given authority, or any is taken', async () => {
      expect(await run(trusted)).toMatchObject({ status: 'pass' });
      expect(await run({ verify: false })).toMatchObject({ status: 'pass' });
    });

    itOwnServer('fails with tls where the authority is unknown, or the name another', async () => {
      expect(await run()).toMatchObject({ status: 'fail', reason: 'tls' });
      expect(await run({ ...trusted, servername: 'other' })).toMatchObject({ status: 'fail', reason: 'tls' });
    });
  });
});
