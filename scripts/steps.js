// Functions shared by the other scripts. This file must not import a dependency, which may not be installed yet.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);

/** Prints the current step to stderr, so that stdout contains only the output of commands. */
export function say(description) {
  process.stderr.write(`${description}\n`);
}

/** Prints one sentence and exits with an error. */
export function fail(description) {
  say(description);
  process.exit(1);
}

/** Runs a command in the project folder and returns its exit code. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) fail(`${command} could not be run: ${error.message}`);
  // Null if a signal ended the command.
  return status ?? 1;
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : -1;
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/**
 * Installs the packages in package-lock.json, unless that was done since the file last changed. In that case, no
 * network is needed.
 */
export function install() {
  const installed = at('node_modules', '.package-lock.json');
  // Without development dependencies, there is no compiler.
  const complete = existsSync(at('node_modules', 'typescript'));
  if (complete && modified(installed) >= modified(at('package-lock.json'))) return;
  say('Installing dependencies ...');
  // `npm ci` rejects the lock file because of its optional packages for other platforms. Without `--no-save`, some
  // versions of npm add these packages to it.
  const args = ['install', '--include=dev', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  if (run('npm', args, { stdio: ['ignore', 2, 2] }) !== 0) fail('npm install failed; what it printed is above.');
  const now = new Date();
  utimesSync(installed, now, now);
}

/** Compiles src into dist, unless dist is up to date. */
export function build() {
  const cli = at('dist', 'cli.js');
  const sources = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
  if (modified(cli) >= Math.max(...sources.map((name) => newest(at(name))))) return;
  say('Building ...');
  if (run(process.execPath, [at('scripts', 'build.js')]) !== 0)
    fail('The build failed; what the compiler printed is above.');
}
