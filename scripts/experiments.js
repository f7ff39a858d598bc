// `npm run experiments`: installs and builds, then measures and writes bench/experiments/RESULTS.md. A full run takes
// about 25 minutes, 10 of which are for the lossy network; `-- --minutes 1` shortens that part. `-- --only
// detection,sweep` measures only these parts (http, silence 1 min, detection 2, accuracy 1, innocence 2, loss, idle 3,
// sweep 1, fate 2) and keeps the results of the others.
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
  if (process.exitCode === 0) process.exitCode = run(process.execPath, ['scripts/pictures.js', 'charts']);
} finally {
  removeNamespaces();
}
