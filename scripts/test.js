// `npm test`: installs and builds, then runs the type check, the linter, the formatter check and all tests except those
// in test/system. Arguments are passed to Jest: `npm test -- test/wire`.
import { join } from 'node:path';
import { prepareTests } from './prepare-tests.js';
import { build, fail, root, run, say } from './steps.js';

prepareTests();

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
