/** Source of a value: text in a file, or a value in code (milliseconds, bytes, a RegExp). */
export type Mode = 'file' | 'code';

/** One option: its documentation and its validation. */
export interface OptionRow {
  /** Path such as `limits.maxPending`. `*` is a user-defined name, `[]` a list element. */
  readonly path: string;
  readonly type: ValueType;
  /** The default, in environment variable syntax. */
  readonly default?: string;
  /** The default in a configuration file, and thus of `pongcheck serve`, if it differs from the default in code. */
  readonly fileDefault?: string;
  /** Description of the default, if the default depends on something. */
  readonly defaultText?: string;
  readonly required?: boolean;
  /**
   * Whether the value is a file that is read once, when a check is created. Changed contents change the identity of the
   * check.
   */
  readonly readOnce?: boolean;
  /** Whether the value is masked in all output. */
  readonly secret?: boolean;
  /** Minimum value. Default 0. */
  readonly min?: number;
  readonly max?: number;
  /** The values of an enumeration, or the required methods of an instance. */
  readonly values?: readonly string[];
  /** Name of the environment variable. */
  readonly env?: string;
  /** Long flag of `pongcheck serve`, without dashes. */
  readonly flag?: string;
  /** Whether the option does not exist in code, or is different there. */
  readonly fileOnly?: boolean;
  /** Former key. If it is used, an error names the new key. */
  readonly formerly?: string;
  readonly description: string;
}

/** The default of a row in a configuration file, and thus of `pongcheck serve`. */
export function defaultInFile({ default: text, fileDefault = text }: OptionRow): string | undefined {
  return fileDefault;
}

/** How to read, describe and format values of one type. */
export interface ValueType {
  readonly name: string;
  /** Describes the allowed values. The text follows "allowed: " in errors. */
  allowed(row: OptionRow, mode: Mode): string;
  /** Returns the value in its internal form, or throws an InvalidValue. */
  read(value: unknown, row: OptionRow, mode: Mode): unknown;
  /** Reads text from the environment, a flag, or `${VAR}`. Default: `read`, as text in a file. */
  readText?(text: string, row: OptionRow): unknown;
  /** Formats a number for the effective configuration. Default: unchanged. */
  show?(value: number): string | number;
  /** The TypeScript type. */
  typescript(row: OptionRow): string;
}

/** Thrown by a value type if a value is not allowed. */
export class InvalidValue {
  /** Hint about what was probably meant. */
  readonly hint: string | undefined;

  constructor(hint?: string) {
    this.hint = hint;
  }
}

export const ONE_HOUR = 3_600_000;
export const ONE_DAY = 86_400_000;
