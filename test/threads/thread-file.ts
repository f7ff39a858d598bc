import { join } from 'node:path';
import { compiledPackage } from '../cli/compiled.js';

// Compiled when this module is imported, so that no test waits for the compiler.
const file = join(compiledPackage(), 'dist', 'threads', 'thread.js');

/** Replaces the function of the same name in src for tests. */
export function threadFile(): string {
  return file;
}
