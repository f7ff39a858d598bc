import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LogOutput } from '../../src/cli/serve/log-output.js';
import { freePort } from '../live/server-process.js';
import { compiledPackage } from './compiled.js';

let folder: string;
let config: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pongcheck-log-'));
  config = join(folder, 'pongcheck.yml');
  // Each run changes the state, which logs a line.
  writeFileSync(config, 'checks: { flap: { kind: module, path: ./flap.mjs, interval: 50ms, minInterval: 5ms } }\n');
  writeFileSync(
    join(folder, 'flap.mjs'),
    'let n = 0; export default () => ({ status: n++ % 2 ? "pass" : "fail", output: "x".repeat(190) });\n',
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

let child: ChildProcess | undefined;
afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  child = undefined;
});

interface Serving {
  readonly child: ChildProcess;
  readonly http: string;
  readonly port: number;
}

/** Starts `serve` with this output. Resolves when it answers HTTP. */
async function serve(
  stdio: (number | 'pipe' | 'ignore')[],
  args: string[] = [],
  before: string[] = [],
): Promise<Serving> {
  const [port, httpPort] = [await freePort(), await freePort()];
  const env = {
    PATH: process.env.PATH,
    PONGCHECK_LISTEN: `pong://127.0.0.1:${port}`,
    PONGCHECK_HTTP: `127.0.0.1:${httpPort}`,
    PONGCHECK_DRAIN_DELAY: '0',
  };
  const command = [
    ...before,
    process.execPath,
    join(compiledPackage(), 'dist', 'cli.js'),
    'serve',
    '--config',
    config,
    ...args,
  ];
  child = spawn(command[0] as string, command.slice(1), { env: env as NodeJS.ProcessEnv, stdio: ['ignore', ...stdio] });
  const http = `http://127.0.0.1:${httpPort}`;
  while (
    !(await fetch(`${http}/livez`).then(
      (answer) => answer.arrayBuffer(),
      () => undefined,
    ))
  ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { child, http, port };
}

async function dropped({ http }: Serving): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  return Number(/^pongcheck_log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
}

async function answers({ port }: Serving): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.write('ping\n');
  expect(String((await once(socket, 'data'))[0])).toMatch(/^pong /);
  socket.destroy();
}

async function ends({ child }: Serving, signal: NodeJS.Signals): Promise<void> {
  const closed = once(child, 'exit');
  child.kill(signal);
  expect(await closed).toEqual([0, null]);
}

describe('serve with a log that cannot be written', () => {
  it.each([
    ['to a full disk', [], 'SIGTERM'],
    ['to a full disk, with log.pretty', ['--log-pretty'], 'SIGINT'],
  ] as const)('%s drops and counts lines, answers PINGs, and ends on a signal', async (_where, args, signal) => {
    const full = openSync('/dev/full', 'w');
    const serving = await serve([full, full], [...args]);
    closeSync(full);
    while ((await dropped(serving)) < 10);
    await answers(serving);
    await ends(serving, signal);
  });

  it('continues with a pipe whose reader has exited', async () => {
    const serving = await serve(['pipe', 'pipe']);
    child?.stdout?.destroy();
    child?.stderr?.destroy();
    while ((await dropped(serving)) < 10);
    await answers(serving);
    await ends(serving, 'SIGTERM');
  });

  it('continues with a closed descriptor', async () => {
    const serving = await serve(['ignore', 'ignore'], [], ['sh', '-c', 'exec "$@" >&- 2>&-', 'sh']);
    await answers(serving);
    await ends(serving, 'SIGTERM');
  });

  it('continues with a stopped terminal', async () => {
    // Gives the process a terminal whose output is stopped, as with Ctrl+S, before it starts.
    const stopped = `python3 -c '
import os, pty, sys, termios
pid, fd = pty.fork()
if pid == 0:
    termios.tcflow(1, termios.TCOOFF)
    os.execvp(sys.argv[1], sys.argv[1:])
print(pid, flush=True)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
' "$@"`;
    const serving = await serve(['pipe', 'pipe'], [], ['sh', '-c', `exec ${stopped}`, 'sh']);
    const pid = Number((await once(child?.stdout as NodeJS.ReadableStream, 'data'))[0]);
    await answers(serving);
    const closed = once(serving.child, 'exit');
    process.kill(pid, 'SIGTERM');
    expect(await closed).toEqual([0, null]);
  });
});

describe('the output of a log', () => {
  let path: string;
  let pipes = 0;
  let writer: number;
  let reader: number;
  let output: LogOutput;

  beforeEach(() => {
    path = join(folder, `fifo-${pipes++}`);
    execFileSync('mkfifo', [path]);
    open();
    writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    output = new LogOutput({ fd: writer }, (dropped) => `dropped ${dropped}\n`);
  });
  // Closed last, because a write of an earlier output, or its retry after 1 s, must not reach a pipe that reuses the
  // descriptor.
  const writers: number[] = [];
  afterEach(() => {
    closeSync(reader);
    writers.push(writer);
  });
  afterAll(() => {
    for (const fd of writers) closeSync(fd);
  });

  function open(): void {
    reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  /** Reads lines until one of them matches. */
  async function linesUntil(pattern: RegExp): Promise<string[]> {
    const buffer = Buffer.alloc(65_536);
    for (let text = ''; ; ) {
      try {
        text += buffer.toString('utf8', 0, readSync(reader, buffer));
      } catch {
        // There is nothing to read yet.
      }
      if (pattern.test(text)) return text.trimEnd().split('\n');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  it('queues a bounded number of lines for a slow reader, drops the rest, and reports how many', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => `line ${i} ${'x'.repeat(90)}`);
    for (const line of lines) output.write(`${line}\n`);
    const { dropped } = output;
    expect(dropped).toBeGreaterThan(10_000);
    const reading = linesUntil(/later/);
    const write = setInterval(() => output.write('later\n'), 100);
    const read = await reading;
    clearInterval(write);
    expect(read.filter((line) => line.startsWith('line'))).toEqual(lines.slice(0, lines.length - dropped));
    expect(read).toContain(`dropped ${output.dropped}`);
  });

  it('writes again as soon as possible, without a new line, and reports the dropped lines once', async () => {
    output.write('first\n');
    await linesUntil(/first/);
    closeSync(reader);
    for (let i = 0; i < 5; i++) output.write(`lost ${i}\n`);
    while (output.dropped < 5) await new Promise((resolve) => setImmediate(resolve));
    output.write('lost too\n');
    expect(output.dropped).toBe(6);
    open();
    expect(await linesUntil(/\n/)).toEqual(['dropped 6']);
    output.write('second\n');
    expect(await linesUntil(/second/)).toEqual(['second']);
    expect(output.dropped).toBe(6);
  });

  it('writes the queued lines when the process ends', async () => {
    const lines = Array.from({ length: 200 }, (_, i) => `line ${i}`);
    for (const line of lines) output.write(`${line}\n`);
    output.flushSync();
    const read = await linesUntil(/^(?=[^]*line 0\n)[^]*line 199\n/);
    expect(read.sort()).toEqual(lines.sort());
  });
});
