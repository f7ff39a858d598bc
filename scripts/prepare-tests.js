// Prepares what all tests except those in test/system need.
import { provision } from './provision.js';
import { fail, install } from './steps.js';

const programs = {
  ss: 'iproute2',
  python3: 'python3',
  openssl: 'openssl',
  // Not on the PATH, because Debian installs each version in its own folder.
  '../lib/postgresql': 'postgresql',
  ...(!process.env.TEST_MYSQL_URL && { mariadbd: 'mariadb-server', 'mariadb-install-db': 'mariadb-server' }),
  ...(!process.env.TEST_REDIS_URL && { 'redis-server': 'redis-server' }),
};

/** Installs the dependencies and the missing programs. Ends the process if that is impossible. */
export function prepareTests() {
  install();
  const missing = provision(programs);
  if (missing) fail(`${missing} Or give TEST_MYSQL_URL and TEST_REDIS_URL.`);
}
