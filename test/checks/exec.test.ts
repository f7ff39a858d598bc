import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type ExecOptions, execCheck } from '../../src/checks/exec/index.js';
import { type Outcome, runCheck } from '../live/run-check.js';

const folder = mkdtempSync(join(tmpdir(), 'pongcheck-exec-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

/** Creates a program and returns its path. */
function program(text: string, mode = 0o755): string {
  const path = join(folder, `program-${files++}`);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const run = (options: ExecOptions): Promise<Outcome> => runCheck(execCheck({ timeout: 10_000, ...options }));
/** Runs lines as an sh script. */
const sh = (lines: string, options: Partial<ExecOptions> = {}) =>
  run({ command: program(`#!/bin/sh\n${lines}\n`), ...options });

/** Whether a process is running. A zombie is not. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Resolves when the process whose id is in the file has ended. */
async function ended(file: string): Promise<void> {
  const pid = Number(readFileSync(file, 'utf8'));
  expect(pid).toBeGreaterThan(1);
  while (isRunning(pid)) await new Promise((resolve) => setImmediate(resolve));
}

const pidFile = () => join(folder, `pid-${files++}`);

async function written(file: string): Promise<void> {
  while (!existsSync(file) || readFileSync(file, 'utf8') === '') await new Promise((resolve) => setImmediate(resolve));
}

describe('an exec check', () => {
  it.each([
    ['plain', 0, 'pass'],
    ['plain', 1, 'fail'],
    ['plain', 2, 'fail'],
    ['plain', 255, 'fail'],
    ['nagios', 0, 'pass'],
    ['nagios', 1, 'warn'],
    ['nagios', 2, 'fail'],
    ['nagios', 3, 'unknown'],
    ['nagios', 4, 'fail'],
  ] as const)('with exit: %s, converts exit code %d to %s', async (exit, code, status) => {
    const outcome = await sh(`exit ${code}`, { exit });
    expect(outcome).toMatchObject({ status, observedValue: code, observedUnit: 'exit code' });
    if (status !== 'pass') expect(outcome).toMatchObject({ reason: 'custom', output: `exit code ${code}` });
  });

  it.each([
    ['the first line of stdout', 'echo; echo "disk sdb failed"; echo more; echo trouble >&2', 'disk sdb failed'],
    ['or of stderr', 'echo "cannot open" >&2', 'cannot open'],
    ['also without a line break', 'printf "half a line"', 'half a line'],
  ])('reports %s', async (_, lines, said) => {
    expect(await sh(`${lines}\nexit 1`)).toMatchObject({ status: 'fail', output: `exit code 1: ${said}` });
  });

  it('passes each argument unchanged, without a shell', async () => {
    const args = ['a b', '$HOME', '*', '; exit 3', "'", '`id`'];
    const outcome = await sh('for each in "$@"; do printf "<%s>" "$each"; done; exit 1', { args });
    expect(outcome.output).toBe(`exit code 1: ${args.map((arg) => `<${arg}>`).join('')}`);
  });

  it('gives the program a minimal environment, no input, no open file of this process, and the directory /', async () => {
    const seen = join(folder, 'seen');
    const marker = join(folder, 'marker');
    const open = openSync(marker, 'w');
    process.env.PONGCHECK_TEST_SECRET = 'hush';
    try {
      await sh(`env > ${seen}; pwd >> ${seen}; ls -l /proc/$$/fd >> ${seen}; read line || echo no input >> ${seen}`, {
        env: { OWN: 'x' },
      });
    } finally {
      delete process.env.PONGCHECK_TEST_SECRET;
      closeSync(open);
    }
    const text = readFileSync(seen, 'utf8');
    const names = [...text.matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    // The shell itself sets these variables.
    expect(names.filter((name) => !['PWD', '_', 'OLDPWD', 'SHLVL'].includes(String(name))).sort()).toEqual([
      'LANG',
      'OWN',
      'PATH',
    ]);
    expect(text).toMatch(/^\/$/m);
    expect(text).toMatch(/ 0 -> \/dev\/null$/m);
    expect(text).toMatch(/^no input$/m);
    expect(text).not.toContain(marker);
  });

  it('masks the values of its environment in the output', async () => {
    const outcome = await sh('echo "login of $TOKEN failed"; exit 1', { env: { TOKEN: 'hush-hush' } });
    expect(outcome.output).toBe('exit code 1: login of *** failed');
  });

  it('kills a program that writes more than allowed, and buffers no more', async () => {
    const file = pidFile();
    expect(await sh(`echo $$ > ${file}; exec yes`, { maxOutput: 1000 })).toMatchObject({
      status: 'fail',
      reason: 'bad-body',
      output: 'the program wrote more than 1000 bytes',
    });
    await ended(file);
    expect(await sh('printf %01000d 0', { maxOutput: 1000 })).toMatchObject({ status: 'pass' });
    expect(await sh('printf %0500d 0; printf %0501d 0 >&2', { maxOutput: 1000 })).toMatchObject({ reason: 'bad-body' });
  });

  it.each([
    ['that hangs', ''],
    ['that ignores signals', "trap '' TERM INT HUP"],
  ])('kills a program %s at its timeout, with its children', async (_, first) => {
    const [own, child] = [pidFile(), pidFile()];
    const outcome = await sh(`${first}\nsleep 1000 &\necho $! > ${child}; echo $$ > ${own}\nwait; sleep 1000`, {
      timeout: 1500,
    });
    expect(outcome).toMatchObject({ status: 'fail', reason: 'timeout' });
    await ended(own);
    await ended(child);
  });

  it('kills the program when it is aborted, and settles only then', async () => {
    const file = pidFile();
    const check = execCheck({ command: program(`#!/bin/sh\necho $$ > ${file}\nsleep 1000\n`) });
    const aborter = new AbortController();
    const running = check.run(aborter.signal, 0);
    await written(file);
    aborter.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
    expect(isRunning(Number(readFileSync(file, 'utf8')))).toBe(false);
    await expect(check.run(AbortSignal.abort(new Error('before')), 0)).rejects.toThrow('before');
  });

  it('ends with the program, and kills children that hold its pipes', async () => {
    const file = pidFile();
    expect(await sh(`sleep 1000 &\necho $! > ${file}; echo done; exit 1`)).toMatchObject({
      status: 'fail',
      output: 'exit code 1: done',
    });
    await ended(file);
  });

  it('ends with the program if a process outside its group holds the pipes', async () => {
    const file = pidFile();
    const outcome = await sh(`setsid sh -c 'echo $$ > ${file}; exec sleep 1000' &
while ! test -s ${file}; do :; done; echo done; exit 1`);
    try {
      expect(outcome).toMatchObject({ status: 'fail', output: 'exit code 1: done' });
    } finally {
      process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
    }
  });

  it('leaves no file open and no process running, in any number of runs', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const check = execCheck({ command: '/bin/true', timeout: 10_000 });
    await runCheck(check);
    const before = open();
    for (let i = 0; i < 20; i++) await runCheck(check);
    expect(open()).toBe(before);
  });

  it('reports the signal that ended the program', async () => {
    expect(await sh('kill -SEGV $$')).toMatchObject({
      status: 'fail',
      reason: 'internal',
      output: 'the program was terminated by SIGSEGV',
    });
  });

  it('fails if the program does not exist or is not executable, and passes when it is', async () => {
    const missing = join(folder, 'missing');
    expect(await run({ command: missing })).toMatchObject({
      status: 'fail',
      reason: 'internal',
      output: `${missing} does not exist, or its interpreter does not (ENOENT)`,
    });
    const command = program('#!/bin/sh\n', 0o644);
    expect(await run({ command })).toMatchObject({
      status: 'fail',
      reason: 'internal',
      output: `${command} is not executable (EACCES)`,
    });
    chmodSync(command, 0o755);
    expect(await run({ command })).toMatchObject({ status: 'pass' });
    expect(await run({ command: program('#!/nowhere/sh\n') })).toMatchObject({ reason: 'internal' });
    expect(await run({ command: folder })).toMatchObject({ reason: 'internal' });
  });
});

describe('the options of an exec check', () => {
  it.each([
    [{}, /command is missing/],
    [{ command: 'a\0b' }, /command is a path with a NUL/],
    [{ command: '/bin/true', args: '-w 5' }, /args is "-w 5"; allowed: a list of 1 to 64 strings/],
    [{ command: '/bin/true', args: ['-w', 5] }, /args is/],
    [{ command: '/bin/true', args: ['a\0b'] }, /args is/],
    [{ command: '/bin/true', args: Array(65).fill('x') }, /65 elements/],
    [{ command: '/bin/true', env: { 'A B': 'x' } }, /env is a map with the name "A B"/],
    [{ command: '/bin/true', exit: 'k8s' }, /exit is "k8s"/],
    [{ command: '/bin/true', maxOutput: 0 }, /maxOutput is 0/],
    [{ command: '/bin/true', shell: true }, /shell/],
  ])('refuse %j', (options, why) => {
    expect(() => execCheck(options as unknown as ExecOptions)).toThrow(why);
  });
});
