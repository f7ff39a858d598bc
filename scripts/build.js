// Compiles src into dist. What no source makes any more goes; what does not compile leaves the last build as it was.
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './steps.js';

const dist = join(root, 'dist');
// As deep as dist, so that source maps hold.
const made = join(root, `.dist-${process.pid}`);
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
try {
  process.exitCode = run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', made]);
  if (process.exitCode === 0) {
    chmodSync(join(made, 'cli.js'), 0o755);
    rmSync(dist, { recursive: true, force: true });
    renameSync(made, dist);
  }
} finally {
  rmSync(made, { recursive: true, force: true });
}
