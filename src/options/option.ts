/** Where a value comes from: text in a file, or a value in code (milliseconds, bytes, a RegExp). */
export type Mode = 'file' | 'code';

/** One option: its documentation and its validation. */
export interface OptionRow {
  /** Path such as `limits.maxPending`; `*` is a user-defined name, `[]` an element of a list. */
  readonly path: string;
  readonly type: ValueType;
  /** The default, in the syntax of the environment. */
  readonly default?: string;
  /** The default in a configuration file, and so of `pongcheck serve`, if it differs from that in code. */
  readonly fileDefault?: string;
  /** The default in words, if it depends on something. */
  readonly defaultText?: string;
  readonly required?: boolean;
  /** A file that is read once, when a check is created. Changed contents change the identity of the check. */
  readonly readOnce?: boolean;
  /** The value is masked in all output. */
  readonly secret?: boolean;
  /** Minimum value. Default 0. */
  readonly min?: number;
  readonly max?: number;
  /** The values of an enumeration, or the methods of an instance. */
  readonly values?: readonly string[];
  /** Name of the environment variable. */
  readonly env?: string;
  /** Long flag of `pongcheck serve`, without the dashes. */
  readonly flag?: string;
  /** The option does not exist in code, or differs there. */
  readonly fileOnly?: boolean;
  /** Former key; an error says what it was renamed to. */
  readonly formerly?: string;
  readonly description: string;
}

/** The default of a row in a configuration file, and so of `pongcheck serve`. */
export function defaultInFile({ default: text, fileDefault = text }: OptionRow): string | undefined {
  return fileDefault;
}

/** How values of one type are read, described and formatted. */
export interface ValueType {
  readonly name: string;
  /** The allowed values, for the end of "allowed: ...". */
  allowed(row: OptionRow, mode: Mode): string;
  /** Returns the value in its internal form, or throws an InvalidValue. */
  read(value: unknown, row: OptionRow, mode: Mode): unknown;
  /** Reads text of the environment, of a flag, or of `${VAR}`. Default: `read`, as text of a file. */
  readText?(text: string, row: OptionRow): unknown;
  /** Formats a number for the effective configuration. Default: unchanged. */
  show?(value: number): string | number;
  /** The TypeScript type. */
  typescript(row: OptionRow): string;
}

/** Thrown by a value type for a value that is not allowed. */
export class InvalidValue {
  /** Hint at what was probably meant. */
  readonly hint: string | undefined;

  constructor(hint?: string) {
    this.hint = hint;
  }
}

export const ONE_HOUR = 3_600_000;
export const ONE_DAY = 86_400_000;
