import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { playAll } from '../../src/cli/conformance/client/run.js';
import { readDialogues } from '../../src/cli/conformance/client/vector.js';
import type { CheckResult } from '../../src/health/check.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { Authority } from '../live/certificate.js';
import { rootUrl } from '../readme/markdown.js';
import { Adapter } from './adapter.js';

const clients = fileURLToPath(rootUrl('protocol/clients'));
const vectors = fileURLToPath(rootUrl('protocol/vectors/codec'));
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-clients-'));
const probe = join(folder, 'pongprobe');
/** Timeout of a dialogue step, in milliseconds. Long, because a process may start late on a busy machine. */
const ON_A_BUSY_MACHINE = 20_000;
const BUILD_MS = 300_000;
const token = 'a-right-token-0123456789';
const authority = new Authority();
const { cert, key } = authority.issue();

/** Makes Go build without a network, into a separate folder. */
const goEnv = {
  ...process.env,
  CGO_ENABLED: '0',
  GOCACHE: join(folder, 'cache'),
  GOFLAGS: '-mod=mod',
  GOPROXY: 'off',
  HOME: folder,
};
const go = (...args: string[]) =>
  execFileSync('go', args, { cwd: join(clients, 'go'), env: goEnv, encoding: 'utf8', stdio: 'pipe' });

beforeAll(() => {
  go('build', '-ldflags=-s -w', '-o', `${folder}/`, './cmd/adapter', './cmd/pongprobe');
}, BUILD_MS);
afterAll(() => {
  authority.remove();
  rmSync(folder, { recursive: true });
});

const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
});

async function serve(options: ServiceOptions = {}): Promise<{ service: Service; url: string }> {
  const service = createService({
    listen: [{ url: 'pongs://127.0.0.1:0', tls: { cert, key }, requireToken: true }],
    http: false,
    tokens: [token],
    detail: 'token',
    drain: { grace: 5000, delay: 0 },
    ...options,
  });
  await service.start();
  running.push(() => service.stop());
  return { service, url: service.addresses[0] as string };
}

function adapter(command: readonly string[], address: string, env: Record<string, string> = {}): Adapter {
  const started = new Adapter([...command, address], { PONGCHECK_TOKEN: token, PONGCHECK_CA: authority.ca, ...env });
  running.push(() => started.end());
  return started;
}

const languages = [
  { language: 'PHP', command: ['php', join(clients, 'adapter.php')] },
  { language: 'Go', command: [join(folder, 'adapter')] },
  { language: 'Python', command: ['python3', '-B', join(clients, 'adapter.py')] },
];

describe('the codec vectors', () => {
  it('pass in PHP', () => {
    const { stdout, status } = spawnSync('php', [join(clients, 'vectors.php'), vectors], { encoding: 'utf8' });
    expect(stdout).toMatch(/^3\d\d vectors, 0 failed\n$/);
    expect(status).toBe(0);
  });

  it(
    'pass in Go, whose tools report no problem in the source',
    () => {
      expect(go('test', '-v', '-vet=off', '-count=1', '.')).toMatch(/: 3\d\d vectors\n--- PASS/);
      expect(execFileSync('gofmt', ['-l', join(clients, 'go')], { encoding: 'utf8' })).toBe('');
    },
    BUILD_MS,
  );
});

// The dialogues of the Python client are in `npm test`.
it.each(languages.slice(0, 2))('the client in $language passes all dialogues', async ({ command }) => {
  const outcomes = await playAll(readDialogues(), `${command.join(' ')} {address}`, ON_A_BUSY_MACHINE);
  const wrong = outcomes.filter(({ verdict }) => verdict !== 'ok');
  expect(wrong.map(({ session, verdict, why }) => `${session.name}: ${verdict}, ${why}`)).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(100);
});

describe.each(languages)('with a responder that requires TLS and a token, the client in $language', ({ command }) => {
  let isBroken = false;
  const run = async (): Promise<CheckResult> => (isBroken ? { status: 'fail', reason: 'refused' } : { status: 'pass' });
  const checks = {
    db: { kind: 'custom', run },
    slow: {
      kind: 'custom',
      run: () => new Promise<CheckResult>(() => {}),
      timeout: 60_000,
      interval: 0,
      critical: false,
      groups: ['late'],
    },
  };

  it('queries scopes, checks, groups, fresh results, a deadline and the report', async () => {
    isBroken = false;
    const client = adapter(command, (await serve({ checks })).url);
    const ping = (options: object) => client.ask({ do: 'ping', ...options });
    expect(await ping({ scope: 'liveness' })).toMatchObject({ pong: 'pass', healthy: true });
    expect(await ping({ scope: 'startup' })).toMatchObject({ pong: 'pass' });
    expect(await ping({ checks: ['db'] })).toMatchObject({ pong: 'pass', stale: false, causes: [] });
    expect(await ping({ checks: ['db', 'none'] })).toMatchObject({ pong: 'not-found', healthy: false });
    expect(await ping({ group: 'late', timeoutMs: 0 })).toMatchObject({ healthy: true, pong: 'warn', stale: true });
    isBroken = true;
    expect(await ping({ checks: ['db'], maxAgeMs: 60_000 })).toMatchObject({ pong: 'pass' });
    expect(await ping({ checks: ['db'], maxAgeMs: 0, detail: true })).toMatchObject({
      pong: 'fail',
      healthy: false,
      causes: ['db refused'],
    });
  });

  it('watches', async () => {
    isBroken = false;
    const client = adapter(
      command,
      (await serve({ checks: { db: { kind: 'custom', run, interval: 50, minInterval: 10 } } })).url,
    );
    client.send({ do: 'watch' });
    await client.says({ status: 'pass' });
    isBroken = true;
    await client.says({ status: 'fail', healthy: false });
    isBroken = false;
    await client.says({ status: 'pass', healthy: true });
  });

  it('receives a change on a link that watches, long before its next PING', async () => {
    isBroken = false;
    const db = { kind: 'custom', run, interval: 50, minInterval: 10 };
    const { url } = await serve({ checks: { db } });
    const client = adapter(command, url);
    client.send({ do: 'link', addresses: [url], intervalMs: 3_600_000, maxPingsOut: 3, watch: {} });
    await client.says({ state: 'up', link: 'pass' });
    isBroken = true;
    await client.says({ state: 'up', link: 'fail' });
  });

  it('names the reason of a refusal', async () => {
    const { url } = await serve();
    const refused = adapter(command, url, { PONGCHECK_TOKEN: 'a-wrong-token-0123456789' });
    expect(await refused.ask({ do: 'ping' })).toMatchObject({ error: 6, name: 'unauthenticated' });
  });

  it('trusts no other CA', async () => {
    const other = new Authority();
    const { url } = await serve();
    const client = adapter(command, url, { PONGCHECK_CA: other.ca });
    client.send({ do: 'ping' });
    expect(await client.fails()).toMatch(/certificate/i);
    other.remove();
  });

  it('keeps a connection, leaves a server that drains, and finds another one', async () => {
    const [first, second] = [await serve({ checks: { db: () => {} } }), await serve({ checks: { db: () => {} } })];
    const client = adapter(command, first.url);
    client.send({ do: 'link', addresses: [first.url, second.url], intervalMs: 300, maxPingsOut: 3 });
    await client.says({ state: 'up' });
    expect(await first.service.connections()).toHaveLength(1);
    const drained = first.service.drain();
    await client.says({ state: 'draining' });
    await client.says({ state: 'up' });
    expect(await second.service.connections()).toHaveLength(1);
    await drained; // ends early, because the client has left
    await second.service.stop();
    await client.says({ state: 'down' });
  });
});

describe('pongprobe', () => {
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
      const child = new Adapter([probe, ...args], env);
      void child.finished().then(resolve);
    });

  it('is one static file of a few megabytes', () => {
    const [elf, interpreter] = [
      spawnSync('stat', ['-c', '%s', probe]),
      spawnSync('ldd', [probe], { encoding: 'utf8' }),
    ];
    expect(Number(elf.stdout)).toBeLessThan(8e6);
    expect(interpreter.stdout + interpreter.stderr).toContain('not a dynamic executable');
  });

  it.each([[[]], [['--exit', 'k8s']], [['--exit', 'docker']]])(
    'ends like `pongcheck ping --exit`: %j',
    async (flags) => {
      let status: 'pass' | 'warn' | 'fail' = 'pass';
      const { url } = await serve({
        checks: { db: () => (status === 'warn' ? { status } : status === 'pass') as never },
        listen: [{ url: 'pong://127.0.0.1:0' }],
        detail: 'always',
      });
      const now = ['--max-age', '0', '--detail', ...flags, url];
      expect(await run(now)).toEqual({ status: 0, stdout: 'pass\n', stderr: '' });
      status = 'warn';
      expect(await run(now)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^warn/) });
      status = 'fail';
      expect(await run(now)).toMatchObject({ status: 1, stdout: 'fail, "db" is fail (custom)\n' });
      expect(await run(['--check', 'none', ...flags, url])).toMatchObject({ status: 1, stdout: 'not-found\n' });
      expect(await run([...flags, '127.0.0.1:1'])).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/refused/),
      });
      expect(await run([...flags, '--scope', 'x', url])).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/--scope/),
      });
      expect(await run([...flags, '--nonsense'])).toMatchObject({ status: 1 });
    },
  );

  it('sends a token over TLS', async () => {
    const { url } = await serve({ checks: { db: () => {} } });
    const env = { PONGCHECK_TOKEN: token };
    expect(await run(['--ca', authority.ca, url], env)).toEqual({ status: 0, stdout: 'pass\n', stderr: '' });
    expect(await run(['--ca', authority.ca, url])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/unauthenticated/),
    });
    expect(await run([url], env)).toMatchObject({ status: 1, stderr: expect.stringMatching(/certificate/) });
  });

  it('does not wait longer than its time limit', async () => {
    const { url } = await serve({
      checks: { db: { kind: 'custom', run: () => new Promise<CheckResult>(() => {}), timeout: 60_000, interval: 0 } },
      listen: [{ url: 'pong://127.0.0.1:0' }],
    });
    expect(await run(['--wait', '200ms', url])).toMatchObject({ status: 1, stderr: expect.stringMatching(/timeout/) });
  });
});
