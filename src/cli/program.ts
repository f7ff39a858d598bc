import { debuglog } from 'node:util';
import { PongcheckError } from '../common/errors.js';
import { redactor } from '../common/redact.js';
import { handleOutputErrors } from './output.js';
import { type Command, EXIT_USAGE, parseCommandLine, UsageError } from './parser.js';

const EXIT_FAILED = 1;
const EXIT_DELAY_MS = 500;
/** The command that this process runs, once it is known. */
let command: Command | undefined;

/** Runs the program. `main` resolves with the exit code, or rejects with an error that is printed on one line. */
export async function runProgram(main: () => Promise<number>): Promise<void> {
  handleOutputErrors(() => command);
  process.exitCode = await main().catch(fail);
  // A custom check may leave handles open, which must not keep a finished command running.
  setTimeout(() => process.exit(), EXIT_DELAY_MS).unref();
}

/** Runs a command with its flags and arguments. Resolves with the exit code. */
export async function runCommand(named: Command, args: readonly string[]): Promise<number> {
  command = named;
  const { flags, arguments_ } = parseCommandLine(command, args);
  if (flags.help) return print(await (await import('./help.js')).commandHelp(command));
  const run = await command.load();
  return run(flags, arguments_[0], arguments_);
}

export function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** Prints the error on one line and returns the exit code. With NODE_DEBUG=pongcheck, also prints the stack trace. */
async function fail(error: unknown): Promise<number> {
  debuglog('pongcheck')('%O', error);
  const lines = linesOf(error);
  const result = await command?.onFailure?.(process.argv.slice(3), lines.join('; '));
  if (result?.line !== undefined) process.stdout.write(`${result.line}\n`);
  else for (const line of lines) process.stderr.write(`pongcheck: ${line}\n`);
  return result?.code ?? (error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED);
}

function linesOf(error: unknown): readonly string[] {
  const { message } = error as Error;
  if (error instanceof UsageError) {
    return [`${message.replace(/\.$/, '')}; see pongcheck ${command ? `${command.name} ` : ''}--help`];
  }
  if (error instanceof PongcheckError) return message.split('\n');
  return [`internal error: ${redactor([])(error)}`];
}
