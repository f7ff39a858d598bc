// `npm run test:system`: installs everything, then runs the tests with network namespaces, proxies and stepped clocks.
// Arguments are passed to Jest: `npm run test:system -- keep-alive`. `--with NAME` adds tests that take long: `npm run
// test:system -- --with image`.
import { join } from 'node:path';
import { provision } from './provision.js';
import { fail, install, root, run, say } from './steps.js';
import { optionalTests, removeNamespaces, systemPrograms } from './system.js';

const args = process.argv.slice(2);
const chosen = [];
for (let at = args.indexOf('--with'); at !== -1; at = args.indexOf('--with')) chosen.push(args.splice(at, 2)[1]);
const unknown = chosen.find((name) => !(name in optionalTests));
if (unknown !== undefined) fail(`--with ${unknown}: expected one of ${Object.keys(optionalTests).join(', ')}.`);

install();
const missing = provision(systemPrograms);
if (missing) fail(missing);
const included = Object.entries(optionalTests).filter(([name, { description, programs }]) => {
  const reason = chosen.includes(name) ? provision(programs) : `Add --with ${name} to run it.`;
  if (reason) say(`Skipped: ${name} (${description}). ${reason}`);
  return !reason;
});
removeNamespaces();
say('Trials');
try {
  process.exitCode = run(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
      '--config',
      'jest.system.config.js',
      ...args,
    ],
    { env: { ...process.env, TEST_SYSTEM_WITH: included.map(([name]) => name).join(',') } },
  );
} finally {
  removeNamespaces();
}
