import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../options/suggest.js';

/** One flag of a command, for the parser and the help text. */
export interface Flag {
  readonly long: string;
  readonly short?: string;
  /** Placeholder for its value in the help text; absent for a boolean flag. */
  readonly value?: string;
  /** Whether the flag may be repeated. */
  readonly multiple?: boolean;
  readonly description: string;
}

export type FlagValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Definition of a command, for the parser and the help text. `load` loads its implementation. */
export interface Command {
  readonly name: string;
  readonly description: string;
  /** Placeholder for the positional argument in the help text; absent if the command has none. */
  readonly argument?: string;
  /** Whether the positional argument may be repeated. */
  readonly many?: boolean;
  readonly flags: readonly Flag[];
  /** Examples: a command line, and what it does. */
  readonly examples: readonly (readonly [line: string, effect: string])[];
  /** Exit codes other than 64 (usage error). */
  readonly exits: readonly (readonly [code: number, meaning: string])[];
  /** Whether the exit code is the command's result, so that it does not change if the output cannot be written. */
  readonly answersByExitCode?: boolean;
  /** Additional sections of the help text. */
  more?(): Promise<readonly HelpPart[]>;
  /**
   * Reports a failure in the format that the command line requests, even if the rest of the command line is invalid.
   * Returns the exit code, and optionally a line for standard output that replaces the line on standard error.
   */
  onFailure?(args: readonly string[], description: string): Promise<{ code: number; line?: string } | undefined>;
  /** Loads the implementation, which resolves with the exit code. */
  load(): Promise<(flags: FlagValues, argument: string | undefined, all: readonly string[]) => Promise<number>>;
}

export interface HelpPart {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, description: string, note?: string])[];
}

/** The command line is invalid. Exit code 64 as in sysexits.h, distinct from the results of `ping`. */
export class UsageError extends Error {}
export const EXIT_USAGE = 64;
/** Exit code if standard output cannot be written. */
export const EXIT_OUTPUT = 74;

/** Flags common to all commands. */
export const commonFlags: readonly Flag[] = [{ long: 'help', short: 'h', description: 'Prints this help.' }];

/** Parses the flags and arguments of a command. Throws a UsageError with a one-line message. */
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
    const unexpected = positionals[allowed];
    if (unexpected !== undefined) {
      const takesFile = allowed === 0 && command.flags.some(({ long }) => long === 'config');
      const hint = takesFile ? '; the configuration file is given with --config' : '';
      throw new UsageError(`unexpected argument ${JSON.stringify(unexpected)}${hint}`);
    }
    const empty = known.find(({ long, value }) => value === 'FILE' && values[long] === '');
    if (empty) throw new UsageError(`--${empty.long} is empty; allowed: the path of a file`);
    return { flags: values as FlagValues, arguments_: positionals };
  } catch (error) {
    throw error instanceof UsageError
      ? error
      : new UsageError(describeParseError(error as Error & { code?: string }, known));
  }
}

function describeParseError({ code, message }: Error & { code?: string }, known: readonly Flag[]): string {
  const [, given = ''] = /'(--?[^'=\s]+)/.exec(message) ?? [];
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const suggestion = given.startsWith('--')
      ? nearest(
          given,
          known.map(({ long }) => `--${long}`),
        )
      : undefined;
    return `unknown option ${given}${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`;
  }
  const flag = known.find(({ long }) => message.includes(`--${long}`));
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' && flag) {
    return flag.value === undefined
      ? `--${flag.long} takes no value`
      : `--${flag.long} requires a value: ${flag.value}`;
  }
  return message.split(/\. |\n/)[0] as string;
}
