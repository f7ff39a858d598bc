import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));

/** Replaces npm: creates the files of an installation with a compiler, and records the call. */
const NPM = `#!/bin/sh
echo "$@" >> asked
if [ -e offline ]; then echo 'npm error network' >&2; exit 1; fi
mkdir -p node_modules/typescript/bin && cp compiler.cjs node_modules/typescript/bin/tsc
mkdir -p node_modules/esbuild && cp bundler.cjs node_modules/esbuild/index.js
touch node_modules/.package-lock.json
`;
/** Replaces the compiler. Like tsc, it writes output even if a source fails to compile. */
const COMPILER = `const fs = require('node:fs');
const out = process.argv[process.argv.indexOf('--outDir') + 1];
fs.mkdirSync(out, { recursive: true });
fs.mkdirSync(out + '/cli');
for (const name of fs.readdirSync('src').filter((name) => name.endsWith('ts')))
  fs.copyFileSync('src/' + name, out + '/' + name.replace(/ts$/, 'js'));
if (fs.readFileSync('src/cli.ts', 'utf8').includes('mistake')) {
  console.log('src/cli.ts: a mistake');
  process.exit(1);
}
`;
/** Replaces the bundler, which is tested in test/cli/probe-start.test.ts. */
const BUNDLER = `exports.build = async ({ absWorkingDir, outfile }) =>
  require('node:fs').writeFileSync(absWorkingDir + '/' + outfile, '');
`;
/** Replaces the command: prints its arguments. */
const CLI = `console.log(JSON.stringify({ pid: process.pid, args: process.argv.slice(2) }));\n`;

const HOUR_S = 3600;
const INSTALLS = 'Installing dependencies ...';
const BUILDS = 'Building ...';

describe('npm start', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pongcheck-start-'));
    cpSync(scripts, join(folder, 'scripts'), { recursive: true });
    write('bin/npm', NPM, 0o755);
    write('compiler.cjs', COMPILER);
    write('bundler.cjs', BUNDLER);
    for (const name of ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']) {
      write(name, '{ "type": "module" }');
      age(name, HOUR_S);
    }
    write('src/cli.ts', CLI);
    write('src/cli.cts', CLI);
    for (const name of ['index', 'client', 'other']) write(`src/${name}.ts`, '');
    write('src/http/status-page/assets/page.js', '');
    for (const name of readdirSync(join(folder, 'src'), { recursive: true })) age(join('src', String(name)), HOUR_S);
    age('src', HOUR_S);
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function write(name: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text, { mode });
  }

  /** Sets the age of a file, in seconds. */
  function age(name: string, seconds: number): void {
    const then = Date.now() / 1000 - seconds;
    utimesSync(join(folder, name), then, then);
  }

  function start(...args: string[]) {
    const { stdout, stderr, status, pid } = spawnSync(process.execPath, ['scripts/start.js', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}` },
    });
    const said = stderr.trim().split('\n').filter(Boolean);
    return { stdout, said, status, pid };
  }

  it('installs and builds in a fresh clone, but not a second time', () => {
    expect(start()).toMatchObject({ said: [INSTALLS, BUILDS], status: 0 });
    expect(start()).toMatchObject({ said: [], status: 0 });
    expect(readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('serves in its own process, so that signals reach it, and passes its arguments', () => {
    const { stdout, pid } = start('--config', 'here.yaml');
    expect(JSON.parse(stdout)).toEqual({ pid, args: ['serve', '--config', 'here.yaml'] });
  });

  it('installs again if the lock file is newer than the installation', () => {
    start();
    age('node_modules/.package-lock.json', 1000);
    age('package-lock.json', 500);
    expect(start().said).toEqual([INSTALLS]);
    expect(start().said).toEqual([]);
  });

  it('installs again if the compiler was omitted', () => {
    start();
    rmSync(join(folder, 'node_modules', 'typescript'), { recursive: true });
    expect(start().said).toEqual([INSTALLS]);
  });

  it.each(['src/other.ts', 'package.json', 'tsconfig.json', 'tsconfig.build.json'])(
    'builds again if %s is newer than the output',
    (name) => {
      start();
      age('dist/cli.js', 1000);
      age(name, 500);
      expect(start().said).toEqual([BUILDS]);
      expect(start().said).toEqual([]);
    },
  );

  it('removes output whose source no longer exists', () => {
    start();
    expect(existsSync(join(folder, 'dist', 'other.js'))).toBe(true);
    age('dist/cli.js', 1000);
    rmSync(join(folder, 'src', 'other.ts'));
    expect(start().said).toEqual([BUILDS]);
    expect(existsSync(join(folder, 'dist', 'other.js'))).toBe(false);
  });

  it('starts nothing that does not compile, not even the second time', () => {
    start();
    age('dist/cli.js', 1000);
    write('src/cli.ts', '// a mistake\n');
    const failed = { said: [BUILDS, 'The build failed; what the compiler printed is above.'], status: 1 };
    expect(start()).toMatchObject(failed);
    expect(start()).toMatchObject(failed);
    expect(readFileSync(join(folder, 'dist', 'cli.js'), 'utf8')).toBe(CLI);
  });

  it('reports a failed installation in one sentence, and tries again the next time', () => {
    write('offline', '');
    const failed = start();
    expect(failed).toMatchObject({ status: 1, stdout: '' });
    expect(failed.said.slice(-1)).toEqual(['npm install failed; what it printed is above.']);
    rmSync(join(folder, 'offline'));
    expect(start()).toMatchObject({ said: [INSTALLS, BUILDS], status: 0 });
  });
});
