/** Where a value comes from: text in a file, or a value in code (milliseconds, bytes, a RegExp). */
export type Mode = 'file' | 'code';

/** One option: everything that is documented of it, and everything that its value is validated against. */
export interface OptionRow {
  /** Its place: `limits.maxPending`; `*` is a name that the user chooses, `[]` an element of a list. */
  readonly path: string;
  readonly type: ValueType;
  /** The default, as the environment would say it. */
  readonly default?: string;
  /** The default in words, where it depends on something. */
  readonly defaultText?: string;
  readonly required?: boolean;
  /** A file that is read once, when a check is made: with other contents it is another check. */
  readonly readOnce?: boolean;
  /** Its value is never shown. */
  readonly secret?: boolean;
  /** Smallest value; 0 where none is given. */
  readonly min?: number;
  readonly max?: number;
  /** The words of an enumeration, or the methods of an instance. */
  readonly values?: readonly string[];
  /** Its name in the environment. */
  readonly env?: string;
  /** Its long flag of `pongcheck serve`, without the dashes. */
  readonly flag?: string;
  /** Code has something else in its place, or nothing. */
  readonly fileOnly?: boolean;
  /** The key that it had before; an error names the new one. */
  readonly formerly?: string;
  readonly description: string;
}

/** How the values of one type are read, described and shown. */
export interface ValueType {
  readonly name: string;
  /** What is allowed, as the end of "allowed: ...". */
  allowed(row: OptionRow, mode: Mode): string;
  /** Returns the value as the program uses it, or throws an InvalidValue. */
  read(value: unknown, row: OptionRow, mode: Mode): unknown;
  /** Reads text from the environment, from a flag, or from `${VAR}`. Absent: as text of a file. */
  readText?(text: string, row: OptionRow): unknown;
  /** A number as the effective configuration shows it. Absent: as it is. */
  show?(value: number): string | number;
  /** Its type in TypeScript. */
  typescript(row: OptionRow): string;
}

/** Thrown by a reader for a value that is not allowed. */
export class InvalidValue {
  /** What was probably meant. */
  readonly hint: string | undefined;

  constructor(hint?: string) {
    this.hint = hint;
  }
}

export const ONE_HOUR = 3_600_000;
export const ONE_DAY = 86_400_000;
