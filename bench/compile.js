import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cache = fileURLToPath(new URL('../node_modules/.cache/pongcheck-bench/', import.meta.url));

/**
 * Compiles C sources in this folder, unless the same sources have already been compiled.
 * @param {string} name
 * @param {string[]} sources
 * @returns {string} path of the program
 */
export function compiled(name, sources) {
  const paths = sources.map((source) => fileURLToPath(new URL(source, import.meta.url)));
  const state = paths.reduce((hash, path) => hash.update(readFileSync(path)), createHash('sha256'));
  const binary = `${cache}${name}-${state.digest('hex').slice(0, 12)}`;
  if (existsSync(binary)) return binary;
  mkdirSync(cache, { recursive: true });
  const units = paths.filter((path) => path.endsWith('.c'));
  const output = `${binary}.${process.pid}`;
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-std=gnu11', '-o', output, ...units], { stdio: 'inherit' });
  renameSync(output, binary);
  return binary;
}
