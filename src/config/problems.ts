import { PongcheckError } from '../errors.js';
import { quoted } from './found.js';

/** Keys and indices from the root of the configuration. */
export type Path = readonly (string | number)[];

/** Notes what is wrong at a place of the configuration. */
export type Complain = (path: Path, sentence: string) => void;

/** `checks.db.timeout`, `listen[0].url`; a name with a dot or worse stands in brackets. */
export function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (!/^[A-Za-z0-9_-]{1,64}$/.test(key)) text += `[${quoted(key)}]`;
    else text += text === '' ? key : `.${key}`;
  }
  return text;
}

/** One PONGCHECK_CONFIG that lists all problems, a line each. */
export function configError(problems: readonly string[]): PongcheckError {
  return new PongcheckError('PONGCHECK_CONFIG', problems.join('\n'));
}
