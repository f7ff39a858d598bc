import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { compiledPackage } from '../cli/compiled.js';
import { freePort } from '../live/server-process.js';
import { Responder } from './responder.js';
import { Trial } from './trial.js';

const trial = new Trial();
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-emit-'));
const responders: Responder[] = [];
const socket = join(folder, 'haproxy.sock');

/** Long enough to distinguish a probe that waits for its timeout from one that a busy machine delays. */
const SLOW = { timeout: '30s', maxTimeout: '30s' };

/** A responder on a known port, and the output of `emit` for it. */
async function start(
  what: string,
  ...flags: string[]
): Promise<{ responder: Responder; snippet: string; port: number }> {
  const port = await freePort();
  const config = { listen: [{ url: `pong://127.0.0.1:${port}` }], ...(what === 'blackbox' && { ping: SLOW }) };
  const moods = { own: { interval: '200ms' }, soft: { interval: '200ms', critical: false } };
  const responder = await Responder.start(trial, config, { moods });
  responders.push(responder);
  const file = join(folder, `${port}.yml`);
  writeFileSync(file, stringify(config));
  const cli = join(compiledPackage(), 'dist', 'cli.js');
  const args = what === 'haproxy' ? ['--server', responder.http, ...flags] : flags;
  const snippet = execFileSync(process.execPath, [cli, 'emit', what, '--config', file, ...args], { encoding: 'utf8' });
  return { responder, snippet, port };
}

/** The status of the only server, as reported by HAProxy. */
function status(): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const asking = connect(socket, () => asking.end('show stat\n'));
    asking.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    asking.on('error', reject);
    asking.on('end', () => {
      const [head = '', ...rows] = text.split('\n').map((line) => line.split(','));
      const column = (head as string[]).indexOf('status');
      resolve(rows.find((row) => row[0] === 'pongcheck' && row[1] === 's1')?.[column] ?? '');
    });
  });
}

/** Waits for a status, and returns all statuses seen until then. */
async function until(wanted: RegExp): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const now = await status();
    if (seen.at(-1) !== now) seen.push(now);
    if (wanted.test(now)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Starts HAProxy with this backend and a frontend of the same mode. Resolves with the port of the frontend. */
async function balance(snippet: string): Promise<number> {
  const file = join(folder, 'haproxy.cfg');
  const head = [
    `global\n  stats socket ${socket}`,
    'defaults\n  timeout connect 2s\n  timeout client 5s\n  timeout server 5s',
  ];
  const port = await freePort();
  const [, mode] = /^ {2}mode (.+)$/m.exec(snippet) ?? [];
  const front = `frontend all\n  mode ${mode}\n  bind 127.0.0.1:${port}\n  default_backend pongcheck`;
  writeFileSync(file, `${[...head, front, snippet].join('\n')}\n`);
  execFileSync('haproxy', ['-c', '-f', file], { stdio: 'pipe' });
  trial.program(['haproxy', '-db', '-f', file]);
  for (;;) {
    if (
      await status().then(
        () => true,
        () => false,
      )
    )
      return port;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Warnings and errors of the responder, except for the states of its checks. */
const warnings = ({ program }: Responder) =>
  program.said.filter(({ level, check, group }) => ['warn', 'error', 'fatal'].includes(level) && !check && !group);

afterAll(async () => {
  await trial.close();
  for (const responder of responders) responder.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('HAProxy with the output of emit haproxy', () => {
  let responder: Responder;

  beforeAll(async () => {
    const started = await start('haproxy');
    responder = started.responder;
    await balance(started.snippet);
  }, 30_000);

  it('follows the states: up for pass and warn, down for fail, drain and never down while draining, down after the exit', async () => {
    await until(/^UP$/);
    responder.mood('soft', 'hang');
    await responder.program.says(/^group readiness: pass -> warn/);
    expect(await status()).toBe('UP');
    responder.mood('own', 'hang');
    await until(/^DOWN/);
    responder.mood('own', 'well');
    responder.mood('soft', 'well');
    await until(/^UP$/);
    responder.program.signal('SIGTERM');
    const seen = await until(/^DRAIN/);
    expect(seen.join()).not.toContain('DOWN');
    await responder.program.exit();
    await until(/^DOWN/);
    expect(warnings(responder)).toEqual([]);
  }, 60_000);

  it('marks a frozen responder as down', async () => {
    await trial.close();
    const { responder: other, snippet } = await start('haproxy');
    await balance(snippet);
    await until(/^UP$/);
    await other.program.freeze();
    await until(/^DOWN/);
    other.program.thaw();
    await until(/^UP$/);
    expect(warnings(other)).toEqual([]);
  }, 60_000);
});

describe('HAProxy with the output of emit haproxy --mode http', () => {
  it('forwards requests while the responder passes, answers 503 itself while it fails, and drains', async () => {
    await trial.close();
    const { responder, snippet } = await start('haproxy', '--mode', 'http');
    const port = await balance(snippet);
    const get = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/livez`, { headers: { connection: 'close' } });
      return [response.status, await response.text()];
    };
    await until(/^UP$/);
    expect(await get()).toEqual([200, expect.stringContaining('"pass"')]);
    responder.mood('soft', 'hang');
    await responder.program.says(/^group readiness: pass -> warn/);
    expect(await status()).toBe('UP');
    responder.mood('own', 'hang');
    await until(/^DOWN/);
    expect(await get()).toEqual([503, expect.stringContaining('No server is available')]);
    responder.mood('own', 'well');
    await until(/^UP$/);
    expect(await get()).toEqual([200, expect.stringContaining('"pass"')]);
    responder.program.signal('SIGTERM');
    expect((await until(/^DRAIN/)).join()).not.toContain('DOWN');
    await responder.program.exit();
    await until(/^DOWN/);
    expect(warnings(responder)).toEqual([]);
  }, 60_000);
});

describe('blackbox_exporter with the output of emit blackbox', () => {
  it('succeeds while the responder is healthy, and fails immediately while it is not', async () => {
    const { responder, snippet, port } = await start('blackbox');
    const file = join(folder, 'blackbox.yml');
    writeFileSync(file, snippet);
    const at = `127.0.0.1:${await freePort()}`;
    trial.program(['prometheus-blackbox-exporter', `--config.file=${file}`, `--web.listen-address=${at}`]);
    const probe = async () => {
      const text = await (await fetch(`http://${at}/probe?target=127.0.0.1:${port}&module=pongcheck`)).text();
      const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
      return { success: value('probe_success'), duration: value('probe_duration_seconds') };
    };
    const untilSuccess = async (wanted: number) => {
      for (;;) {
        const { success, duration } = await probe().catch(() => ({ success: Number.NaN, duration: 0 }));
        if (success === wanted) return duration;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await untilSuccess(1);
    responder.mood('own', 'hang');
    // Long before its timeout of 31 s, because the responder closes the connection after a bad status.
    expect(await untilSuccess(0)).toBeLessThan(30);
    responder.mood('own', 'well');
    await untilSuccess(1);
    expect(warnings(responder)).toEqual([]);
  }, 60_000);
});
