// Compiles src into dist, copies the assets of the status page, and adds the entry points for `require` and the bundled
// `ping` file. Replaces dist only if the compilation succeeds. An argument selects another folder than dist.
import { chmodSync, cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, run } from './steps.js';

const dist = resolve(root, process.argv[2] ?? 'dist');
const made = join(dirname(dist), `.${basename(dist)}-${process.pid}`);
const assets = join('http', 'status-page', 'assets');
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

/**
 * Adds `NAME.cjs` with the types of the ES module. Node can `require` an ES module, but TypeScript's `node16` cannot.
 */
async function addCommonJs(name) {
  const module = await import(pathToFileURL(join(made, `${name}.js`)).href);
  const values = Object.entries(module).flatMap(([key, value]) => [
    `export declare const ${key}: typeof esm.${key};`,
    ...(/^class\b/.test(`${value}`) ? [`export type ${key} = esm.${key};`] : []),
  ]);
  const from = `from './${name}.js' with { 'resolution-mode': 'import' };`;
  const types = [`import type * as esm ${from}`, `export type * ${from}`, ...values];
  writeFileSync(join(made, `${name}.d.cts`), `${types.join('\n')}\n`);
  writeFileSync(join(made, `${name}.cjs`), `module.exports = require('./${name}.js');\n`);
}

/** Adds `cli/ping.cjs`, the `ping` command bundled into one file. */
async function addPing() {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: made,
    entryPoints: ['cli/ping/main.js'],
    outfile: 'cli/ping.cjs',
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
}

try {
  process.exitCode = run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', made]);
  if (process.exitCode === 0) {
    cpSync(join(root, 'src', assets), join(made, assets), { recursive: true });
    for (const name of ['cli.js', 'cli.cjs']) chmodSync(join(made, name), 0o755);
    await addPing();
    for (const name of ['index', 'client']) await addCommonJs(name);
    rmSync(dist, { recursive: true, force: true });
    renameSync(made, dist);
  }
} finally {
  rmSync(made, { recursive: true, force: true });
}
