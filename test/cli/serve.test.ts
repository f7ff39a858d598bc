import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Command, type CommandOptions, pongcheck } from './command.js';

const ANY = { PONGCHECK_LISTEN: 'pong://127.0.0.1:0', PONGCHECK_HTTP: '127.0.0.1:0' };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pongcheck-serve-'));
});
afterAll(() => rm(folder, { recursive: true }));

let command: Command | undefined;
afterEach(async () => {
  await command?.kill('SIGKILL');
  command = undefined;
});

/** Starts `pongcheck serve` and waits until it has logged its addresses. */
async function serve(args: string[] = [], options: CommandOptions = {}) {
  command = new Command(['serve', ...args], { ...options, env: { ...ANY, ...options.env } });
  await command.says(/"msg":"(?:no checks configured|checks: )[^\n]*\n/);
  const { stdout } = command;
  return {
    command,
    address: /listening on pong:\/\/([^"]+)/.exec(stdout)?.[1] ?? '',
    http: /"url":"([^"]+)"/.exec(stdout)?.[1] ?? '',
  };
}

async function status(url: string): Promise<number> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
}

describe('pongcheck serve', () => {
  it('answers PING and HTTP, logs each address in one JSON line, and ends with 0 on SIGINT', async () => {
    const { command, address, http } = await serve();
    expect(await pongcheck(['ping', address, '-c', '1'])).toMatchObject({ code: 0 });
    expect(await status(`${http}/health`)).toBe(200);
    const { code, stdout, stderr } = await command.kill('SIGINT');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      `info listening on pong://${address}`,
      'info idle timeout: connections without data for 90s are closed',
      'info server heartbeats: off',
      'info TCP keep-alive: off',
      `info HTTP: status page, /health, /livez, /readyz, /startupz and /metrics on ${http}`,
      'info no checks configured: ready while the process runs',
      'info SIGINT: answering received PINGs, then stopping; a second signal exits immediately',
      'info stopped',
    ]);
  });

  it('also serves without systemd-notify, and logs once that systemd is not notified', async () => {
    // Several notifications: READY, the watchdog and STOPPING.
    const env = { NOTIFY_SOCKET: '/nowhere/notify', WATCHDOG_USEC: '30000', PATH: '/nowhere' };
    const { command, address } = await serve([], { env });
    await command.says(/systemd was not notified/);
    expect(await pongcheck(['ping', address, '-c', '3', '-i', '100ms'])).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await command.kill('SIGINT');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/"msg":"systemd was not notified[^"]*"/g)).toEqual([
      '"msg":"systemd was not notified: systemd-notify: spawn systemd-notify ENOENT"',
    ]);
  });

  it('drains on SIGTERM: readiness is draining while all clients are served, then it ends with 0', async () => {
    const { command, address, http } = await serve([], {
      env: { PONGCHECK_DRAIN_GRACE: '10s', PONGCHECK_DRAIN_DELAY: '0' },
    });
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
    // The first answer shows that the connection is accepted.
    socket.write('ping\n');
    expect(String((await once(socket, 'data'))[0])).toBe('pong pass\n');
    command.process.kill('SIGTERM');
    await command.says(/SIGTERM: draining for at most 10s/);
    expect(await status(`${http}/readyz`)).toBe(503);
    expect(await status(`${http}/livez`)).toBe(200);
    const answer = once(socket, 'data');
    socket.write('ping\n');
    expect(String((await answer)[0])).toBe('pong draining\n');
    socket.end();
    expect(await command.ended()).toMatchObject({ code: 0 });
  });

  it('includes the metrics of the process', async () => {
    const { http } = await serve();
    const text = await (await fetch(`${http}/metrics`)).text();
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    expect(text).toMatch(/^pongcheck_/m);
  });

  it('reads its file from any folder, and finds a module next to the file', async () => {
    const file = join(folder, 'pongcheck.yml');
    await writeFile(
      file,
      'listen: [{ url: "pong://127.0.0.1:0" }]\nhttp: false\nchecks: { own: { kind: module, path: ./own.mjs } }\n',
    );
    await writeFile(join(folder, 'own.mjs'), 'export default () => ({ status: "warn", output: "nearly" });\n');
    const { command, address, http } = await serve(['--config', file], {
      env: { PONGCHECK_LISTEN: '', PONGCHECK_HTTP: '' },
    });
    expect(http).toBe('');
    const { code, stdout } = await pongcheck(['ping', address, '-c', '1', '--detail']);
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('own  warn     custom: nearly'),
    });
    await command.says(/"check":"own","from":"unknown","to":"warn"/);
  });

  it('can log readable lines, without colors in a pipe', async () => {
    command = new Command(['serve', '--log-pretty'], { env: ANY });
    await command.says(/^\[[0-9:.]+\] INFO: listening on pong:\/\/127\.0\.0\.1:\d+\n/m);
    expect(command.stdout).not.toContain('\x1b');
  });

  it('logs nothing below its log level', async () => {
    command = new Command(['serve', '--log-level', 'error'], { env: { ...ANY, SERVICE_URL: 'http://127.0.0.1:1/' } });
    await command.says(/"level":"error".*"check":"service"/);
    expect(command.stdout).not.toContain('"info"');
  });

  it('ends immediately on a second signal', async () => {
    const { command } = await serve([], { env: { PONGCHECK_DRAIN_DELAY: '10s' } });
    command.process.kill('SIGTERM');
    await command.says(/SIGTERM: draining/);
    // A signal that follows immediately is treated as a duplicate sent by a process group, so this repeats until one
    // counts.
    const again = setInterval(() => command.process.kill('SIGTERM'), 50);
    const { signal, stdout } = await command.ended();
    clearInterval(again);
    expect(signal).toBe('SIGTERM');
    expect(stdout).not.toContain('stopped');
  });

  it('counts two signals in short succession as one', async () => {
    const { command } = await serve();
    command.process.kill('SIGINT');
    command.process.kill('SIGINT');
    expect(await command.ended()).toMatchObject({ code: 0, signal: null });
  });

  it.each(['PONGCHECK_LISTEN', 'PONGCHECK_HTTP'])(
    'reports a port in use in one line, with exit code 1: %s',
    async (variable) => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const where = `127.0.0.1:${(other.address() as AddressInfo).port}`;
      const { code, stderr } = await pongcheck(['serve'], { env: { ...ANY, [variable]: where } });
      other.close();
      await once(other, 'close');
      expect(code).toBe(1);
      expect(stderr).toMatch(new RegExp(`^pongcheck: cannot .*${where}: another process is listening on it\\n$`));
    },
  );

  it('reports an invalid configuration with one line per issue and exit code 1, before anything is opened', async () => {
    const env = { ...ANY, PONGCHECK_DETAIL: 'all', MYSQL_URL: 'root:hunter2@h' };
    expect(await pongcheck(['serve', '--http', '80'], { env })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: [
        'pongcheck: MYSQL_URL is not a valid URL; allowed: a URL, SCHEME://[USER:PASSWORD@]HOST[:PORT][/PATH]',
        'pongcheck: --http is "80"; allowed: HOST:PORT, { host, port } or false',
        'pongcheck: PONGCHECK_DETAIL is "all"; allowed: one of loopback, always, token, never',
        '',
      ].join('\n'),
    });
  });

  it('warns of an ignored variable, without its value', async () => {
    const { command } = await serve([], { env: { PONGCHECK_COLOUR: 'hunter2' } });
    expect(command.stdout).toMatch(/"level":"warn".*\\"PONGCHECK_COLOUR\\" in the environment is unknown and ignored/);
    expect(command.stdout).not.toContain('hunter2');
  });

  it('reports an uncaught error in one line without a stack trace, with exit code 1', async () => {
    const file = join(folder, 'thrower.yml');
    await writeFile(file, 'checks: { own: { kind: module, path: ./thrower.mjs } }\n');
    await writeFile(
      join(folder, 'thrower.mjs'),
      'export default () => { setImmediate(() => { throw new Error("redis://:hunter2@h broke"); }); };\n',
    );
    const { code, stdout, stderr } = await pongcheck(['serve', '--config', file], { env: ANY });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/"level":"fatal".*redis:\/\/\*\*\*@h broke/);
    expect(stdout).not.toMatch(/hunter2|thrower\.mjs/);
  });
});
