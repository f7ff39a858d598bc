// `npm test`: installs and builds, then runs the type check, the linter, the formatter check and all tests except those
// in test/system. Arguments are passed to Jest: `npm test -- test/wire`.
import { join } from 'node:path';
import { provision } from './provision.js';
import { build, fail, install, root, run, say } from './steps.js';

const programs = {
  ss: 'iproute2',
  python3: 'python3',
  openssl: 'openssl',
  // Not on the PATH, because Debian installs each version in its own folder.
  '../lib/postgresql': 'postgresql',
  ...(!process.env.TEST_MYSQL_URL && { mariadbd: 'mariadb-server', 'mariadb-install-db': 'mariadb-server' }),
  ...(!process.env.TEST_REDIS_URL && { 'redis-server': 'redis-server' }),
};

install();
const missing = provision(programs);
if (missing) fail(`${missing} Or give TEST_MYSQL_URL and TEST_REDIS_URL.`);

const bin = (...parts) => join(root, 'node_modules', ...parts);
const step = (name, ...args) => {
  say(name);
  if (run(process.execPath, args) !== 0) fail(`${name}: failed.`);
};
step('Lint, format and layers', bin('@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings');
step('Types', bin('typescript', 'bin', 'tsc'));
build();
say('Tests');
process.exitCode = run(process.execPath, [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  bin('jest', 'bin', 'jest.js'),
  '--randomize',
  ...process.argv.slice(2),
]);
