import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PongcheckError } from '../common/errors.js';

/**
 * Returns the path of the file that a thread runs.
 * @throws PongcheckError `PONGCHECK_THREAD` if it does not exist.
 */
export function threadFile(): string {
  // `import.meta.url` is undefined if a bundler produces CommonJS.
  const base: string | undefined = import.meta.url;
  const file = base === undefined ? 'thread.js' : fileURLToPath(new URL('./thread.js', base));
  if (base !== undefined && existsSync(file)) return file;
  throw new PongcheckError(
    'PONGCHECK_THREAD',
    `cannot start a PING thread: its file ${file} does not exist. If a bundler has put pongcheck into one file, keep pongcheck external, or use threads: 0.`,
  );
}
