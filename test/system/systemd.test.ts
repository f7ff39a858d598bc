import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { compiledPackage } from '../cli/compiled.js';
import { freePort } from '../live/server-process.js';
import { readRoot } from '../readme/markdown.js';
import { now, passUntil } from './program.js';
import { Trial } from './trial.js';

const PROGRAM = '/usr/bin/pongcheck';
const unit = readRoot('deploy/pongcheck.service');

/** The output of systemd-analyze for the unit, with a program that exists. */
function analyze(text: string, ...args: string[]): { code: number | null; said: string } {
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-unit-'));
  try {
    const file = join(folder, 'pongcheck.service');
    writeFileSync(file, text.replace(PROGRAM, '/usr/bin/env'));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' });
    return { code: status, said: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the systemd unit', () => {
  const trial = new Trial();
  afterEach(() => trial.close());

  it('contains only directives that systemd knows', () => {
    expect(analyze(unit, 'verify')).toEqual({ code: 0, said: '' });
    expect(analyze(unit.replace('LimitNOFILE=', 'LimitNOFILES='), 'verify').said).toContain('LimitNOFILES');
  });

  it('is as restricted as a service that listens can be', () => {
    expect(analyze(unit, 'security', '--offline=true', '--threshold=20').code).toBe(0);
    const bare = unit.replace(/^(Protect|Private|Restrict|Capability|SystemCall).*\n/gm, '');
    expect(analyze(bare, 'security', '--offline=true', '--threshold=20').code).not.toBe(0);
  });

  it('starts a responder that answers, and stops it within its stop timeout', async () => {
    const [, command = ''] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
    const [program, ...args] = command.split(' ').map((word) => word.replace('/etc/pongcheck/', 'deploy/'));
    expect(program).toBe(PROGRAM);
    const cli = [process.execPath, join(compiledPackage(), 'dist', 'cli.js')];
    // Other ports, because the default ones may be in use here, and a shorter drain, because nothing is connected.
    const own = ['--listen', 'pong://127.0.0.1:0', '--http', '127.0.0.1:0'];
    const server = trial.program([...cli, ...args, ...own], { env: { PONGCHECK_DRAIN_DELAY: '100ms' } });
    const { address } = await server.says(/^listening on/);
    const { checks } = await server.says(/^checks: /);
    expect(checks).toEqual(['process', 'disk']);
    const asked = spawnSync(cli[0] as string, [cli[1] as string, 'ping', '-c', '1', address], { encoding: 'utf8' });
    expect([asked.status, asked.stdout]).toEqual([0, expect.stringContaining('1 received')]);
    server.signal('SIGTERM');
    expect(await server.exit()).toBe(0);
  });

  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  /**
   * A responder with two checks, one of which fails until a port is open, and a receiver of its notifications instead
   * of systemd.
   */
  async function notifyingResponder(env: Record<string, string> = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'pongcheck-notify-'));
    folders.push(folder);
    const socket = join(folder, 'notify');
    const receiver = trial.program(['python3', 'test/system/programs/notify-socket.py', socket]);
    await receiver.says('listening');
    const port = await freePort();
    const blocks = join(folder, 'blocks');
    const config = join(folder, 'pongcheck.yml');
    const checks = {
      db: { kind: 'tcp', url: `tcp://127.0.0.1:${port}`, interval: '100ms' },
      block: {
        kind: 'module',
        path: resolve('test/system/programs/blocking-check.js'),
        file: blocks,
        interval: '100ms',
      },
    };
    writeFileSync(config, JSON.stringify({ checks }));
    const own = ['--config', config, '--listen', 'pong://127.0.0.1:0', '--http', 'false'];
    const command = [process.execPath, join(compiledPackage(), 'dist', 'cli.js'), 'serve', ...own];
    const server = trial.program(command, { env: { NOTIFY_SOCKET: socket, PONGCHECK_DRAIN_DELAY: '0', ...env } });
    const notified = (name: string, value: string) =>
      receiver.says(({ event, fields }) => event === 'notification' && fields[name] === value);
    const feeds = () => receiver.all('notification').filter(({ fields }) => fields.WATCHDOG).length;
    const block = (isOn: boolean) => (isOn ? writeFileSync(blocks, '') : rmSync(blocks));
    return { server, receiver, notified, feeds, block, port };
  }

  it('has a type that the responder notifies: READY once it listens, the state of readiness, and STOPPING', async () => {
    expect(unit).toMatch(/^Type=notify\nNotifyAccess=all$/m);
    const { server, receiver, notified, feeds, port } = await notifyingResponder();
    await notified('READY', '1');
    await server.says(/^listening on/);
    await notified('STATUS', 'readiness: fail, refused');
    const database = createServer().listen(port, '127.0.0.1');
    await notified('STATUS', 'readiness: pass');
    database.close();
    server.signal('SIGTERM');
    await notified('STOPPING', '1');
    expect(await server.exit()).toBe(0);
    expect(receiver.all('notification').filter(({ fields }) => fields.READY)).toHaveLength(1);
    expect(feeds()).toBe(0);
  });

  it('has a watchdog that the event loop notifies, but not while it is blocked', async () => {
    expect(unit).toMatch(/^WatchdogSec=30s$/m);
    const { server, receiver, notified, feeds, block } = await notifyingResponder({ WATCHDOG_USEC: '300000' });
    await notified('WATCHDOG', '1');
    block(true);
    await server.says('blocking');
    const before = feeds();
    // In this time, an event loop that is not blocked notifies the watchdog 15 times.
    await passUntil(now() + 1500);
    // One notification may have been in transit.
    expect(feeds() - before).toBeLessThanOrEqual(1);
    block(false);
    const after = feeds();
    await receiver.until(() => feeds() > after + 1, 'two feeds');
  });

  it('has no watchdog that is intended for another process', async () => {
    const { notified, feeds } = await notifyingResponder({ WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' });
    await notified('STATUS', 'readiness: fail, refused');
    expect(feeds()).toBe(0);
  });
});
