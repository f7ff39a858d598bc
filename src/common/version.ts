import { readFileSync } from 'node:fs';

/**
 * The version in package.json, which is one folder above both `src` and `dist`. Returns `unknown` in a bundled file.
 */
export function packageVersion(): string {
  try {
    const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    return /^pongcheck(-client)?$/.test(name) ? version : 'unknown';
  } catch {
    return 'unknown';
  }
}
