import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { type PostgresAddressOptions, postgresCheck } from '../../src/checks/postgres/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { FakeClock } from '../fake-clock.js';
import { Authority } from '../live/certificate.js';
import { PostgresServer } from '../live/postgres.js';
import { TcpProxy } from '../live/proxy.js';
import { runCheck } from '../live/run-check.js';
import { connectionTimes, spreadTimes } from './connection-times.js';

describe('the postgres check', () => {
  const authority = new Authority();
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start({ tls: authority.issue() });
    await server.query("CREATE ROLE app LOGIN PASSWORD 'p4ss-w0rd'");
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    authority.remove();
  });

  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  function check(options: Partial<PostgresAddressOptions> = {}, clock?: FakeClock): CheckDefinition {
    const address = options.host === undefined && { url: server.url({ user: 'app', password: 'p4ss-w0rd' }) };
    const made = postgresCheck({ ...address, timeout: 2000, ...options }, clock);
    closing.push(() => made.close?.());
    return made;
  }

  /** Server processes of the checks. */
  const backends = () =>
    server.query("SELECT pid, query, state FROM pg_stat_activity WHERE application_name = 'pongcheck'");
  const passed = { status: 'pass', observedValue: { role: 'primary' } };
  const timedOut = { status: 'fail', reason: 'timeout' };

  it('passes, and keeps its connection until it is closed', async () => {
    const trial = check();
    expect(await runCheck(trial)).toMatchObject(passed);
    const [first] = await backends();
    for (let run = 0; run < 5; run++) expect(await runCheck(trial)).toMatchObject(passed);
    expect(await backends()).toEqual([expect.objectContaining({ pid: first?.pid, state: 'idle' })]);
    await trial.close?.();
    while ((await backends()).length > 0);
  });

  it('makes a new connection every 10 s, at another time than other checks', async () => {
    const proxy = await TcpProxy.start({ to: server.port });
    closing.push(() => proxy.stop());
    const url = server.url({ user: 'app', password: 'p4ss-w0rd' }).replace(`:${server.port}`, `:${proxy.port}`);
    expect(await connectionTimes((clock) => check({ url }, clock), proxy)).toEqual(spreadTimes);
  });

  it('accepts the parts of an address instead of a URL', async () => {
    const { host, port } = server;
    const parts = { host, port, user: 'app', password: 'p4ss-w0rd', database: 'postgres' };
    expect(await runCheck(check(parts))).toMatchObject(passed);
  });

  it('fails with timeout while the server is frozen, and passes when it continues', async () => {
    const trial = check({ timeout: 200 });
    await runCheck(trial);
    await server.freeze();
    for (let run = 0; run < 3; run++) expect(await runCheck(trial)).toMatchObject(timedOut);
    server.thaw();
    const again = check({ timeout: 10_000 });
    expect(await runCheck(again)).toMatchObject(passed);
  });

  it('fails with refused while the server is down, and passes after its restart', async () => {
    const trial = check();
    await runCheck(trial);
    await server.kill();
    for (let run = 0; run < 2; run++)
      expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'refused' });
    await server.restart();
    expect(await runCheck(trial)).toMatchObject(passed);
  });

  it('passes if the server was restarted between two runs, or closed the connection', async () => {
    const trial = check();
    await runCheck(trial);
    await server.restart();
    expect(await runCheck(trial)).toMatchObject(passed);
    await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pongcheck'");
    expect(await runCheck(trial)).toMatchObject(passed);
  });

  it('reconnects after a reset connection, and fails with timeout on a dead one', async () => {
    const proxy = await TcpProxy.start({ to: server.port });
    closing.push(() => proxy.stop());
    const trial = check({ url: server.url({ port: proxy.port }), timeout: 500 });
    await runCheck(trial);
    proxy.cut();
    expect(await runCheck(trial)).toMatchObject(passed);
    proxy.freeze();
    expect(await runCheck(trial)).toMatchObject(timedOut);
    proxy.thaw();
    expect(await runCheck(trial)).toMatchObject(passed);
  });

  it('fails with loading while the server shuts down, and passes when it is back', async () => {
    const client = await server.connect();
    server.signal('SIGTERM');
    const trial = check();
    // The signal takes effect with a delay.
    let outcome = await runCheck(trial);
    while (outcome.status === 'pass') {
      await trial.close?.();
      outcome = await runCheck(check());
    }
    expect(outcome).toMatchObject({
      status: 'fail',
      reason: 'loading',
      output: expect.stringContaining('shutting down'),
    });
    await client.end();
    await server.restart();
    expect(await runCheck(check())).toMatchObject(passed);
  });

  describe('without a free connection', () => {
    async function takeAll(): Promise<Client[]> {
      const taken: Client[] = [];
      closing.push(() => Promise.all(taken.map((client) => client.end())));
      for (;;) {
        const client = new Client({ connectionString: server.url({ user: 'app', password: 'p4ss-w0rd' }) });
        client.on('error', () => {});
        try {
          await client.connect();
          taken.push(client);
        } catch (error) {
          expect((error as { code: string }).code).toBe('53300');
          return taken;
        }
      }
    }

    it('fails with too-many-connections, and passes when there is one', async () => {
      const taken = await takeAll();
      const trial = check();
      expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'too-many-connections' });
      await taken.pop()?.end();
      let outcome = await runCheck(trial);
      while (outcome.reason === 'too-many-connections') outcome = await runCheck(trial);
      expect(outcome).toMatchObject(passed);
    });

    it('warns if its older connection still answers', async () => {
      const clock = new FakeClock();
      const made = postgresCheck({ url: server.url({ user: 'app', password: 'p4ss-w0rd' }), timeout: 2000 }, clock);
      closing.push(() => made.close?.());
      const run = () => made.run(new AbortController().signal, clock.now() + 60_000, 0, () => clock.now() + 60_000);
      expect(await run()).toMatchObject(passed);
      await takeAll();
      await clock.advance(10_000);
      expect(await run()).toMatchObject({
        status: 'warn',
        reason: 'too-many-connections',
        output: expect.stringMatching(/; an older connection still answers$/),
      });
    });
  });

  describe('with wrong credentials', () => {
    it.each([
      ['a wrong password', () => server.url({ user: 'app', password: 'wr0ng-p4ss' })],
      ['an unknown user', () => server.url({ user: 'nobody', password: 'wr0ng-p4ss' })],
      ['no password', () => server.url({ user: 'app', password: '' })],
      ['an unknown database', () => server.url({ user: 'app', password: 'p4ss-w0rd' }).replace(/postgres$/, 'nowhere')],
    ])('fails with auth for %s, and shows no password', async (_what, url) => {
      const outcome = await runCheck(check({ url: url() }));
      expect(outcome).toMatchObject({ status: 'fail', reason: 'auth' });
      expect(JSON.stringify(outcome)).not.toMatch(/wr0ng|p4ss/);
    });

    it('does not take a password from the environment', async () => {
      process.env.PGPASSWORD = 'p4ss-w0rd';
      closing.push(() => delete process.env.PGPASSWORD);
      expect(await runCheck(check({ url: server.url({ user: 'app', password: '' }) }))).toMatchObject({
        reason: 'auth',
      });
    });
  });

  describe('with a query', () => {
    it('passes if it succeeds, and fails with its error', async () => {
      expect(await runCheck(check({ query: 'SELECT 1 WHERE false -- nothing' }))).toMatchObject(passed);
      expect(await runCheck(check({ query: 'SELECT * FROM missing' }))).toMatchObject({
        status: 'fail',
        reason: 'protocol',
        output: 'relation "missing" does not exist',
      });
      expect(await runCheck(check({ query: 'SELECT * FROM pg_authid' }))).toMatchObject({ reason: 'auth' });
    });

    it('fails with timeout, and leaves no query behind on the server', async () => {
      const trial = check({ query: 'SELECT pg_sleep(600)', timeout: 300 });
      expect(await runCheck(trial)).toMatchObject(timedOut);
      const active = async () => (await backends()).filter(({ state }) => state === 'active');
      while ((await active()).length > 0);
    });

    it('fails with protocol if the answer is too large', async () => {
      expect(await runCheck(check({ query: "SELECT repeat('x', 2000000)" }))).toMatchObject({
        status: 'fail',
        reason: 'protocol',
        output: 'the answer exceeds the limit of 1048576 bytes',
      });
    });
  });

  describe('with role: primary', () => {
    it('passes for a primary, and fails with read-only if it accepts no writes', async () => {
      const trial = check({ role: 'primary' });
      expect(await runCheck(trial)).toMatchObject(passed);
      await server.query('ALTER ROLE app SET default_transaction_read_only = on');
      closing.push(() => server.query('ALTER ROLE app RESET default_transaction_read_only'));
      expect(await runCheck(check({ role: 'primary' }))).toMatchObject({ status: 'fail', reason: 'read-only' });
      expect(await runCheck(check({ query: 'CREATE TABLE a (b int)' }))).toMatchObject({ reason: 'read-only' });
      expect(await runCheck(check())).toMatchObject(passed);
    });
  });

  describe('over TLS', () => {
    const url = () => server.url({ user: 'app', password: 'p4ss-w0rd' });

    it('verifies the certificate against the CA, and the name', async () => {
      const { ca } = authority;
      expect(await runCheck(check({ url: `${url()}?sslmode=require`, tls: { ca } }))).toMatchObject(passed);
      expect(await runCheck(check({ tls: { ca, servername: 'localhost' } }))).toMatchObject(passed);
      expect(await runCheck(check({ tls: { verify: false } }))).toMatchObject(passed);
      expect(await runCheck(check({ url: `${url()}?sslmode=require` }))).toMatchObject({
        status: 'fail',
        reason: 'tls',
      });
      const other = { ca, servername: 'other.example' };
      expect(await runCheck(check({ tls: other }))).toMatchObject({ status: 'fail', reason: 'tls' });
    });

    it('limits the answer too', async () => {
      const large = check({ tls: { verify: false }, query: "SELECT repeat('x', 2000000)" });
      expect(await runCheck(large)).toMatchObject({ reason: 'protocol', output: expect.stringContaining('limit') });
    });
  });

  it('fails with dns for an unknown name', async () => {
    const outcome = await runCheck(check({ url: 'postgres://u@no-such-host.invalid/', timeout: 5000 }));
    expect(outcome).toMatchObject({ status: 'fail', reason: 'dns' });
  });
});
