// Compiles src into dist; what no source makes any more goes.
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './steps.js';

rmSync(join(root, 'dist'), { recursive: true, force: true });
const code = run(process.execPath, [
  join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
  '-p',
  'tsconfig.build.json',
]);
if (code === 0) chmodSync(join(root, 'dist', 'cli.js'), 0o755);
process.exitCode = code;
