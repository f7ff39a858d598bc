/** What a value can be; `values.ts` reads each. */
export type OptionType =
  | 'duration'
  | 'octets'
  | 'integer'
  | 'boolean'
  | 'enum'
  | 'string'
  | 'names'
  | 'path'
  | 'pattern'
  | 'texts'
  | 'patterns'
  | 'url'
  | 'address'
  | 'addresses'
  | 'endpoint'
  | 'tokens'
  | 'networks'
  | 'mode'
  | 'targets';

/** One option: all that is told about it, and all that it is judged by. */
export interface OptionRow {
  /** Where it stands in the file: `*` is a name of the user's own, `[]` an element of a list. */
  readonly path: string;
  readonly type: OptionType;
  /** What holds where nobody says anything, as the environment would say it. */
  readonly default?: string;
  /** The default in words, where it depends on something. */
  readonly defaultText?: string;
  readonly required?: boolean;
  /** Its value is never shown. */
  readonly secret?: boolean;
  /** Smallest value; 0 where none is given. */
  readonly min?: number;
  readonly max?: number;
  /** The words of an enum. */
  readonly values?: readonly string[];
  /** Its name in the environment. */
  readonly env?: string;
  /** Its long flag of `pongcheck serve`, without the dashes. */
  readonly flag?: string;
  readonly sentence: string;
}

export const ONE_DAY = 86_400_000;
