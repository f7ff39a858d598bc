// Finds what tests and benchmarks need in addition to Node, or installs it with apt-get.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run, say } from './steps.js';

/** Directories in which Debian installs servers. An ordinary user's PATH does not include all of them. */
const SERVER_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/usr/bin', '/sbin'];

/** Returns the path of a program if it is installed. */
export function find(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...SERVER_FOLDERS];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/**
 * Installs the Debian packages of missing programs, but starts no servers. `programs` maps a program to its packages,
 * separated by spaces. Returns a sentence if they cannot be installed.
 */
export function provision(programs) {
  const missing = Object.entries(programs).filter(([program]) => !find(program));
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.flatMap(([, names]) => names.split(' ')))];
  const wanted = `Missing: ${missing.map(([program]) => program).join(', ')}. Install: ${packages.join(' ')}.`;
  const apt = aptGet();
  if (!apt) return wanted;
  say(`Installing ${packages.join(', ')} ...`);
  // May fail without a network, while packages can still be installed from a local medium.
  apt('update');
  if (apt('install', '-y', '--no-install-recommends', ...packages) !== 0) return wanted;
  return missing.every(([program]) => find(program)) ? undefined : wanted;
}

/** Returns a command that runs apt-get as root or with passwordless sudo; undefined if neither is possible. */
function aptGet() {
  if (!find('apt-get')) return undefined;
  const root = process.getuid() === 0;
  if (!root && !(find('sudo') && run('sudo', ['-n', 'true'], { stdio: 'ignore' }) === 0)) return undefined;
  // sudo drops the environment, so the non-interactive settings follow it. In runlevel 1, init scripts start nothing.
  const command = [
    ...(root ? [] : ['sudo', '-n']),
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'RUNLEVEL=1',
    'apt-get',
    '-qq',
  ];
  return (...args) => run(command[0], [...command.slice(1), ...args], { stdio: ['ignore', 'ignore', 2] });
}
