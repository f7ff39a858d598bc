// What tests and benchmarks need of the machine beside Node: found, or installed with apt-get.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run, say } from './steps.js';

/** Where Debian keeps servers; the PATH of an ordinary user does not have all of them. */
const SERVER_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/usr/bin', '/sbin'];

/** The path of a program, if the machine has it. */
export function find(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...SERVER_FOLDERS];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/**
 * Installs Debian packages for the programs that are missing; starts none of them.
 * `programs`: program -> its packages, apart by a space. Returns a sentence when that cannot be done.
 */
export function provision(programs) {
  const missing = Object.entries(programs).filter(([program]) => !find(program));
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.flatMap(([, names]) => names.split(' ')))];
  const wanted = `Missing: ${missing.map(([program]) => program).join(', ')}. Install: ${packages.join(' ')}.`;
  const apt = aptGet();
  if (!apt) return wanted;
  say(`Installing ${packages.join(', ')} ...`);
  // May fail without a network, where packages can still come from a local medium.
  apt('update');
  if (apt('install', '-y', '--no-install-recommends', ...packages) !== 0) return wanted;
  return missing.every(([program]) => find(program)) ? undefined : wanted;
}

/** Runs apt-get as root, or by a sudo that asks for nothing; undefined where there is neither. */
function aptGet() {
  if (!find('apt-get')) return undefined;
  const root = process.getuid() === 0;
  if (!root && !(find('sudo') && run('sudo', ['-n', 'true'], { stdio: 'ignore' }) === 0)) return undefined;
  // sudo drops the environment, so what must not be asked is said behind it. Init scripts start nothing in runlevel 1.
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
