import { PongcheckError } from '../common/errors.js';
import { quoted } from './format-value.js';

/** Keys and indices from the root of the options. */
export type Path = readonly (string | number)[];

/** Reports an issue at a path. `description` continues the path, as in `is 5; allowed: true or false`. */
export type Report = (path: Path, description: string) => void;

/**
 * For example `checks.db.timeout`, `listen[0].url`. Keys with characters other than letters, digits, - and _ are
 * written in brackets.
 */
export function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (!/^[A-Za-z0-9_-]{1,64}$/.test(key)) text += `[${quoted(key)}]`;
    else text += text === '' ? key : `.${key}`;
  }
  return text;
}

/** Creates one PONGCHECK_CONFIG error that lists all issues, one per line. */
export function configError(lines: readonly string[]): PongcheckError {
  return new PongcheckError('PONGCHECK_CONFIG', lines.join('\n'));
}

/** An invalid value that only a check can detect, such as a URL with an unsupported scheme or an unreadable file. */
export class InvalidOption extends PongcheckError {
  readonly path: Path;
  /** The value found and the allowed values, both without secrets. */
  readonly found: string;
  readonly allowed: string;

  /** @param prefix text that precedes the path in the message, such as `mysql check: ` or `checks.db.`. */
  constructor(prefix: string, path: Path, found: string, allowed: string) {
    super('PONGCHECK_CONFIG', `${prefix}${formatPath(path)} is ${found}; allowed: ${allowed}`);
    this.path = path;
    this.found = found;
    this.allowed = allowed;
  }
}
