import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Newer folders may still be used by another run. */
const ONE_DAY = 86_400_000;
const cache = join(root, 'node_modules', '.cache', 'pongcheck-cli');

/**
 * The folder of the compiled package, with `dist/cli.js` and package.json. It is compiled once for each state of the
 * sources, and never into the project's `dist`, which other tests rebuild.
 */
export function compiledPackage(): string {
  const folder = join(cache, stateOfSources());
  if (existsSync(folder)) return folder;
  for (const old of existsSync(cache) ? readdirSync(cache) : []) {
    const path = join(cache, old);
    if (Date.now() - statSync(path).mtimeMs > ONE_DAY) rmSync(path, { recursive: true, force: true });
  }
  const making = `${folder}-${process.pid}`;
  mkdirSync(making, { recursive: true });
  copyFileSync(join(root, 'package.json'), join(making, 'package.json'));
  spawnSync(process.execPath, [join(root, 'scripts', 'build.js'), join(making, 'dist')]);
  symlinkSync(join(root, 'protocol'), join(making, 'protocol'));
  try {
    renameSync(making, folder);
  } catch {
    // Another worker has compiled it in the meantime.
    rmSync(making, { recursive: true });
  }
  return folder;
}

function stateOfSources(): string {
  const hash = createHash('sha256');
  const names = readdirSync(join(root, 'src'), { recursive: true }).map((name) => join('src', String(name)));
  for (const name of ['scripts/build.js', ...names.sort()]) {
    const { mtimeMs, size } = statSync(join(root, name));
    hash.update(`${name} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}
