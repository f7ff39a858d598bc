// Compiles src into dist and copies the assets of the status page. Replaces dist only if the compilation succeeds.
import { chmodSync, cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './steps.js';

const dist = join(root, 'dist');
// At the same depth as dist, so that the relative paths in source maps are right.
const made = join(root, `.dist-${process.pid}`);
const assets = join('http', 'status-page', 'assets');
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
try {
  process.exitCode = run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', made]);
  if (process.exitCode === 0) {
    cpSync(join(root, 'src', assets), join(made, assets), { recursive: true });
    chmodSync(join(made, 'cli.js'), 0o755);
    rmSync(dist, { recursive: true, force: true });
    renameSync(made, dist);
  }
} finally {
  rmSync(made, { recursive: true, force: true });
}
