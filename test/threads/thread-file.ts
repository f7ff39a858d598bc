import { fileURLToPath } from 'node:url';

/** In place of the one of src, for tests: `npm test` builds dist first. */
export function threadFile(): string {
  return fileURLToPath(new URL('../../dist/threads/thread.js', import.meta.url));
}
