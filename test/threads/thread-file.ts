import { join } from 'node:path';
import { compiledPackage } from '../cli/compiled.js';

// At import, so that no test waits for the compiler.
const file = join(compiledPackage(), 'dist', 'threads', 'thread.js');

/** In place of the one of src, for tests. */
export function threadFile(): string {
  return file;
}
