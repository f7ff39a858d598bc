// `npm run test:system`: installs and builds, then runs the tests with network namespaces, proxies and stepped clocks.
// Arguments go to jest: `npm run test:system -- keep-alive`.
import { join } from 'node:path';
import { provision } from './provision.js';
import { fail, install, root, run, say } from './steps.js';
import { removeNamespaces, systemPrograms } from './system.js';

install();
const missing = provision(systemPrograms);
if (missing) fail(missing);
removeNamespaces();
say('Trials');
try {
  process.exitCode = run(process.execPath, [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
    '--config',
    'jest.system.config.js',
    ...process.argv.slice(2),
  ]);
} finally {
  removeNamespaces();
}
