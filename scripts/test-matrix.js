// `npm run test:matrix`: the tests on the oldest Node of each line that is supported, one after the other; npx brings the versions.
// Arguments go to jest: `npm run test:matrix -- test/wire`. PONGCHECK_NODES=22,24 takes only those.
import { join } from 'node:path';
import { install, root, run, say } from './steps.js';

const versions = (process.env.PONGCHECK_NODES ?? '20.19.0,22.12.0,24,26').split(',');
const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');

install();
const outcomes = versions.map((version) => {
  say(`Node ${version}`);
  const node = ['-y', '-p', `node@${version}`, 'node'];
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const code = run('npx', [...node, ...flags, jest, '--randomize', ...process.argv.slice(2)]);
  return { version, passed: code === 0 };
});
for (const { version, passed } of outcomes) say(`Node ${version}: ${passed ? 'passed' : 'FAILED'}`);
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;
