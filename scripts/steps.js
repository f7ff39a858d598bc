// What the other scripts are made of. Nothing here may import a dependency: it may not be installed yet.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);

/** Says which step is taken; on stderr, so that what a command prints stays its own. */
export function say(sentence) {
  process.stderr.write(`${sentence}\n`);
}

/** Ends the script with one clear sentence. */
export function fail(sentence) {
  say(sentence);
  process.exit(1);
}

/** Runs a command in the project's folder and returns its exit code. */
export function run(command, args, options = {}) {
  const { status, error, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) fail(`${command} could not be run: ${error.message}`);
  return status ?? (signal ? 1 : 0);
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : -1;
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** Installs what package-lock.json says, unless that has been done since it last changed: then no network is needed. */
export function install() {
  const installed = at('node_modules', '.package-lock.json');
  if (modified(installed) >= modified(at('package-lock.json'))) return;
  say('Installing dependencies ...');
  // `npm ci` refuses lock files over optional packages of other platforms with some registries; `install` keeps the lock as it is.
  const args = ['install', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  if (run('npm', args, { stdio: ['ignore', 2, 2] }) !== 0) fail('npm install failed; what it printed is above.');
  const now = new Date();
  utimesSync(installed, now, now);
}

/** Compiles src into dist, unless dist is newer. */
export function build() {
  const cli = at('dist', 'cli.js');
  const sources = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
  if (modified(cli) >= Math.max(...sources.map((name) => newest(at(name))))) return;
  say('Building ...');
  if (run(process.execPath, [at('scripts', 'build.js')]) !== 0)
    fail('The build failed; what the compiler printed is above.');
}

/** Where a program is: on the PATH or where Debian keeps servers. */
export function find(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin', '/usr/local/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/**
 * Installs Debian packages for the programs that are missing; starts nothing.
 * `programs`: program -> its packages, apart by a space. Returns a sentence when that cannot be done.
 */
export function provision(programs) {
  const missing = Object.entries(programs).filter(([program]) => !find(program));
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.flatMap(([, names]) => names.split(' ')))];
  const wanted = `Missing: ${missing.map(([program]) => program).join(', ')}. Install: ${packages.join(' ')}.`;
  if (!find('apt-get')) return wanted;
  const elevate = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (elevate.length > 0 && run('sudo', ['-n', 'true'], { stdio: 'ignore' }) !== 0) return wanted;
  say(`Installing ${packages.join(', ')} ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const apt = (...args) => {
    const [command, ...rest] = [...elevate, 'apt-get', '-qq', ...args];
    return run(command, rest, { env, stdio: ['ignore', 'ignore', 2] });
  };
  apt('update');
  if (apt('install', '-y', '--no-install-recommends', ...packages) !== 0) return wanted;
  const still = missing.filter(([program]) => !find(program));
  return still.length > 0 ? wanted : undefined;
}
