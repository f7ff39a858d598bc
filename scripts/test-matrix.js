// `npm run test:matrix`: runs the tests on the oldest supported version of each Node release line, one after the other,
// and on Bun the tests listed in scripts/bun.js. npx downloads the versions. Arguments are passed to Jest: `npm run
// test:matrix -- test/wire`. PONGCHECK_NODES=22,bun selects versions.
import { join } from 'node:path';
import { testOnBun } from './bun.js';
import { prepareTests } from './prepare-tests.js';
import { build, root, run, say } from './steps.js';

const versions = (process.env.PONGCHECK_NODES ?? '20.19.0,22.12.0,24,26,bun').split(',');
const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');

function testOnNode(version) {
  const node = ['-y', '-p', `node@${version}`, 'node'];
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  return run('npx', [...node, ...flags, jest, '--randomize', ...process.argv.slice(2)]) === 0;
}

prepareTests();
// Some tests start programs that import dist.
build();
const outcomes = [];
for (const version of versions) {
  const name = version === 'bun' ? 'Bun' : `Node ${version}`;
  say(name);
  outcomes.push({ name, passed: version === 'bun' ? await testOnBun() : testOnNode(version) });
}
for (const { name, passed } of outcomes) say(`${name}: ${passed ? 'passed' : 'FAILED'}`);
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;
