import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Test files with forbidden behavior. */
const bad = {
  server: "test('leaves a server', () => { require('node:net').createServer().listen(0, '127.0.0.1'); });",
  early: "require('node:net').createServer().listen(0, '127.0.0.1'); test('knows nothing of it', () => {});",
  child: "test('leaves a process', () => { require('node:child_process').spawn(process.execPath, ['-']); });",
  syntax: "test('is not finished', () => {",
  hook: "afterAll(() => { throw new Error('late'); }); test('passes before', () => {});",
  empty: '',
};
const good = "test('ends what it starts', (done) => { require('node:child_process').exec('true', done); });";

describe('the test runner', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pongcheck-runner-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function run(files: Record<string, string>) {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.test.cjs`), text);
    const config = {
      rootDir: folder,
      testMatch: ['**/*.test.cjs'],
      transform: {},
      testEnvironment: join(root, 'test', 'setup', 'no-leaks.js'),
      reporters: ['default', join(root, 'test', 'setup', 'closing-line.js')],
    };
    const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
    const args = ['--experimental-vm-modules', jest, '--runInBand', '--config', JSON.stringify(config)];
    const options = { cwd: folder, encoding: 'utf8', timeout: 50_000, killSignal: 'SIGKILL' } as const;
    const { stdout, stderr, status } = spawnSync(process.execPath, args, options);
    return { closing: stdout.split('\n').slice(-2), stderr, status };
  }

  it('ends with the counts of passed, failed and skipped tests', () => {
    const counted = run({
      good,
      some: "test('a', () => {}); xtest('b', () => {}); test('c', () => { throw 1; });",
    });
    expect(counted).toMatchObject({ closing: ['2 passed, 1 failed, 1 skipped', ''], status: 1 });
    rmSync(join(folder, 'some.test.cjs'));
    expect(run({ good })).toMatchObject({ closing: ['1 passed, 0 failed, 0 skipped', ''], status: 0 });
  });

  it('counts a file that cannot run, or leaves handles open, as failed, and still ends', () => {
    const { closing, stderr, status } = run({ good, ...bad });
    expect({ closing, status }).toEqual({ closing: ['2 passed, 6 failed, 0 skipped', ''], status: 1 });
    expect(stderr.match(/left behind: [\w, ]+/g)?.sort()).toEqual([
      'left behind: Server',
      'left behind: Server',
      'left behind: Socket, Socket, Socket, ChildProcess',
    ]);
  });
});
