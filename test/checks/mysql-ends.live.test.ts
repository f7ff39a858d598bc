import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type MysqlOptions, mysqlCheck } from '../../src/checks/mysql/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { type Certificate, makeCertificate } from '../live/certificate.js';
import { MariaDb } from '../live/mariadb.js';
import { ownServer } from '../live/own-server.js';
import { TcpProxy } from '../live/proxy.js';
import { runCheck } from '../live/run-check.js';

const itOwnServer = ownServer('TEST_MYSQL_URL');

describe('a MySQL check', () => {
  let certificate: Certificate;
  let mariadb: MariaDb;
  let proxy: TcpProxy;
  const checks: CheckDefinition[] = [];
  const check = (options: Partial<MysqlOptions> = {}) => {
    const made = mysqlCheck({ url: mariadb.url({ port: proxy.port }), timeout: 3000, ...options });
    checks.push(made);
    return made;
  };

  beforeAll(async () => {
    certificate = makeCertificate();
    mariadb = await MariaDb.start({ args: [`--ssl-cert=${certificate.cert}`, `--ssl-key=${certificate.key}`] });
    proxy = await TcpProxy.start({ to: mariadb.port });
    if (mariadb.own) await mariadb.query("CREATE USER safe@'127.0.0.1' IDENTIFIED BY 'p4ss' REQUIRE SSL");
  }, 60_000);
  afterEach(async () => {
    proxy.thaw();
    for (const made of checks.splice(0)) await made.close?.();
  });
  afterAll(async () => {
    await proxy.stop();
    await mariadb.stop();
    certificate.remove();
  });

  const never = new AbortController().signal;
  const connectionsFallTo = async (count: number) => {
    while (proxy.connections > count) await new Promise((resolve) => setImmediate(resolve));
  };

  it('that is closed while it waits for an answer ends its run and its connection', async () => {
    const trial = check();
    await runCheck(trial);
    proxy.freeze();
    const run = trial.run(never, Number.POSITIVE_INFINITY);
    const ended = expect(run).rejects.toMatchObject({ reason: 'reset' });
    await new Promise((resolve) => setImmediate(resolve));
    await trial.close?.();
    await ended;
    proxy.thaw();
    await connectionsFallTo(0);
  });

  it('that is closed while it waits for the login ends its run and its connection', async () => {
    const trial = check();
    proxy.freeze();
    const accepted = proxy.accepted;
    const run = trial.run(never, Number.POSITIVE_INFINITY);
    const ended = expect(run).rejects.toMatchObject({ reason: 'reset' });
    while (proxy.accepted === accepted) await new Promise((resolve) => setImmediate(resolve));
    await trial.close?.();
    await ended;
    proxy.thaw();
    await connectionsFallTo(0);
  });

  it('that is closed does not run again', async () => {
    const trial = check();
    await runCheck(trial);
    await trial.close?.();
    expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'internal' });
    await connectionsFallTo(0);
  });

  it('lets two concurrent runs share one connection attempt', async () => {
    const trial = check();
    const accepted = proxy.accepted;
    const outcomes = await Promise.all([runCheck(trial), runCheck(trial)]);
    expect(outcomes).toMatchObject([{ status: 'pass' }, { status: 'pass' }]);
    expect(proxy.accepted - accepted).toBe(1);
  });

  it('closes the connection that did not answer, and no other', async () => {
    const trial = check({ timeout: 50 });
    await runCheck({ ...trial, timeout: 3000 });
    proxy.freeze();
    for (let run = 0; run < 5; run++) expect(await runCheck(trial)).toMatchObject({ reason: 'timeout' });
    proxy.thaw();
    await connectionsFallTo(1);
    expect(await runCheck({ ...trial, timeout: 3000 })).toMatchObject({ status: 'pass' });
    expect(proxy.connections).toBe(1);
  });

  itOwnServer('passes over TLS if the user requires it, and fails with auth without', async () => {
    const url = mariadb.url({ user: 'safe', password: 'p4ss', port: proxy.port });
    const tls = { ca: certificate.cert, servername: 'localhost' };
    expect(await runCheck(check({ url, tls }))).toMatchObject({ status: 'pass' });
    expect(await runCheck(check({ url: `${url}?ssl=true`, tls }))).toMatchObject({ status: 'pass' });
    expect(await runCheck(check({ url }))).toMatchObject({ status: 'fail', reason: 'auth' });
  });

  itOwnServer('also ends at its timeout over TLS, and passes when the server continues', async () => {
    const trial = check({ tls: { verify: false }, timeout: 100 });
    await runCheck({ ...trial, timeout: 3000 });
    await mariadb.freeze();
    for (let run = 0; run < 3; run++) {
      const outcome = await runCheck(trial);
      expect(outcome).toMatchObject({ status: 'fail', reason: 'timeout' });
      expect(outcome.ms).toBeGreaterThanOrEqual(99);
    }
    mariadb.thaw();
    expect(await runCheck({ ...trial, timeout: 3000 })).toMatchObject({ status: 'pass' });
  });
});

describe('options of a mysql check', () => {
  it.each([
    [undefined, /its argument is missing; allowed: a map with/],
    [{}, /url is missing/],
    [{ url: 5 }, /url is 5; allowed: a URL/],
    [{ url: 'redis://hidden@x' }, /scheme "redis"; allowed: mysql:\/\/.* or mariadb:\/\//],
    [{ url: 'mysql://x/?ssl=hidden' }, /unknown value of the parameter ssl/],
    [{ url: 'mysql://x/?socketPath=/hidden' }, /the parameter "socketPath"/],
    [{ url: 'mysql://127.0.0.1/?ssl=true' }, /tls.servername is missing, and the host is an IP address/],
    [{ url: 'mysql://x', tls: true }, /tls is true; allowed: a map with ca/],
    [{ url: 'mysql://x', tls: { verfy: false } }, /tls.verfy is not a known option; did you mean verify\?/],
    [{ url: 'mysql://x', tls: { verify: 'no' } }, /tls.verify is "no"; allowed: true or false/],
    [{ url: 'mysql://x', tls: { ca: '/nowhere/hidden' } }, /tls.ca is a file that cannot be read \(ENOENT\)/],
    [{ url: 'mysql://x', timeuot: 5 }, /timeuot is not a known option; did you mean timeout\?/],
  ])('refuses %j', (options, message) => {
    const make = () => mysqlCheck(options as unknown as MysqlOptions);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'PONGCHECK_CONFIG' }));
    expect(make).not.toThrow(/hidden/);
  });

  it('accepts the address of a host whose certificate is not verified, and a name if it is', () => {
    expect(() => mysqlCheck({ url: 'mysql://[::1]:1/', tls: { verify: false } })).not.toThrow();
    expect(() => mysqlCheck({ url: 'mariadb://127.0.0.1', tls: { servername: 'db' } })).not.toThrow();
    expect(() => mysqlCheck({ url: 'mysql://db/?ssl=true&connection_limit=5' })).not.toThrow();
    expect(() => mysqlCheck({ url: 'mysql://127.0.0.1/?ssl=false' })).not.toThrow();
  });
});
