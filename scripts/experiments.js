// `npm run experiments`: does all of its own set-up, then measures and writes bench/experiments/RESULTS.md, in about
// seven minutes. `-- --minutes 10` lets the line lose segments for longer; `-- --only loss,sweep` measures these parts alone.
import { provision } from './provision.js';
import { fail, install, run } from './steps.js';
import { removeNamespaces, systemPrograms } from './system.js';

install();
const missing = provision(systemPrograms);
if (missing) fail(missing);
removeNamespaces();
const register =
  "import { register } from 'node:module'; register('./bench/experiments/typescript.js', new URL('file://' + process.cwd() + '/'));";
try {
  process.exitCode = run(process.execPath, [
    '--import',
    `data:text/javascript,${encodeURIComponent(register)}`,
    'bench/experiments/run.ts',
    ...process.argv.slice(2),
  ]);
} finally {
  removeNamespaces();
}
