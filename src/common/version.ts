import { readFileSync } from 'node:fs';

/** The version of this package, as its package.json says; from `src` and from `dist` it is one folder up. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
