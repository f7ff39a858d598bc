import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../options/suggest.js';

/** One flag of a command: all that the parser and the help know of it. */
export interface Flag {
  readonly long: string;
  readonly short?: string;
  /** What its value is called in the help; without one it is a switch. */
  readonly value?: string;
  /** It may be given several times. */
  readonly multiple?: boolean;
  readonly description: string;
}

export type FlagValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What a command is, for the parser and the help; loading it loads nothing that runs it. */
export interface Command {
  readonly name: string;
  readonly description: string;
  /** What the help calls the argument that is no flag; without one there is none. */
  readonly argument?: string;
  /** It takes any number of such arguments. */
  readonly many?: boolean;
  readonly flags: readonly Flag[];
  /** Examples: a command line and what it does. */
  readonly examples: readonly (readonly [line: string, effect: string])[];
  /** Exit codes beyond 0 = done and 64 = wrong usage. */
  readonly exits: readonly (readonly [code: number, meaning: string])[];
  /** Its exit code is what was asked for: it stays where the output cannot be written. */
  readonly answersByExitCode?: boolean;
  /** Further parts of the help: a title and its rows. */
  more?(): Promise<readonly HelpPart[]>;
  /**
   * How a failure is told to who asks for it in another way, wrong as the rest of the command line may be: the exit
   * code, and the line on standard output in place of that on standard error.
   */
  refusal?(args: readonly string[], description: string): Promise<{ code: number; line?: string } | undefined>;
  /** Does the work; resolves with the exit code. */
  load(): Promise<(flags: FlagValues, argument: string | undefined, all: readonly string[]) => Promise<number>>;
}

export interface HelpPart {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, description: string, note?: string])[];
}

/** The command line was wrong: exit code 64, as in sysexits.h, which no answer of `ping` is. */
export class UsageError extends Error {}
export const EXIT_USAGE = 64;
/** Standard output could not be written. */
export const EXIT_OUTPUT = 74;

/** Flags that every command has. */
export const commonFlags: readonly Flag[] = [{ long: 'help', short: 'h', description: 'Prints this.' }];

/** Reads a command's flags and its argument. Throws a UsageError of one line. */
export function parseCommandLine(
  command: Command,
  args: readonly string[],
): { flags: FlagValues; arguments_: readonly string[] } {
  const known = [...command.flags, ...commonFlags];
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const { long, short, value, multiple = false } of known) {
    options[long] = { type: value === undefined ? 'boolean' : 'string', multiple, ...(short && { short }) };
  }
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const allowed = command.many ? Number.POSITIVE_INFINITY : command.argument === undefined ? 0 : 1;
    if (positionals.length > allowed)
      throw new UsageError(`unexpected argument ${JSON.stringify(positionals[allowed])}`);
    return { flags: values as FlagValues, arguments_: positionals };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(sentenceOf(error as Error & { code?: string }, known));
  }
}

function sentenceOf({ code, message }: Error & { code?: string }, known: readonly Flag[]): string {
  const [, given = ''] = /'(--?[^'=\s]+)/.exec(message) ?? [];
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const meant = given.startsWith('--')
      ? nearest(
          given,
          known.map(({ long }) => `--${long}`),
        )
      : undefined;
    return `unknown option ${given}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
  }
  const flag = known.find(({ long }) => message.includes(`--${long}`));
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' && flag) {
    return flag.value === undefined ? `--${flag.long} takes no value` : `--${flag.long} needs a value: ${flag.value}`;
  }
  return message.split(/\. |\n/)[0] as string;
}
