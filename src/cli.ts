#!/usr/bin/env node
// Must be first: until its handlers are installed, a signal ends the process.
import './cli/serve/signals.js';
import { debuglog } from 'node:util';
import { handleOutputErrors } from './cli/output.js';
import { type Command, EXIT_USAGE, parseCommandLine, UsageError } from './cli/parser.js';
import { PongcheckError } from './common/errors.js';
import { nearest } from './options/suggest.js';

/** Commands are loaded on demand, because each loaded file delays the start of a probe. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./cli/serve/command.js')).serveCommand,
  ping: async () => (await import('./cli/ping/command.js')).pingCommand,
  explain: async () => (await import('./cli/explain/command.js')).explainCommand,
  watch: async () => (await import('./cli/watch/command.js')).watchCommand,
  'check-config': async () => (await import('./cli/check-config/command.js')).checkConfigCommand,
  conformance: async () => (await import('./cli/conformance/command.js')).conformanceCommand,
  emit: async () => (await import('./cli/emit/command.js')).emitCommand,
};
const EXIT_FAILED = 1;
const EXIT_DELAY_MS = 500;
/** The command of this process, once it is known. */
let command: Command | undefined;

async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === '--version' || first === '-V') return print(`${await version()}\n`);
  if (first === '--help' || first === '-h' || (first === 'help' && rest.length === 0)) return printHelp();
  if (first === undefined) {
    await printHelp();
    return EXIT_USAGE;
  }
  const named = first === 'help' ? rest[0] : first;
  if (!Object.hasOwn(commands, String(named))) throw new UsageError(unknownCommand(String(named)));
  command = await (commands[String(named)] as () => Promise<Command>)();
  const { flags, arguments_ } = parseCommandLine(command, first === 'help' ? ['--help'] : rest);
  if (flags.help) return print(await (await import('./cli/help.js')).commandHelp(command));
  const run = await command.load();
  return run(flags, arguments_[0], arguments_);
}

async function printHelp(): Promise<number> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  return print((await import('./cli/help.js')).mainHelp(all, await version()));
}

async function version(): Promise<string> {
  return (await import('./common/version.js')).packageVersion();
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function unknownCommand(name: string): string {
  const names = Object.keys(commands);
  const suggestion = name.startsWith('-') ? undefined : nearest(name, names);
  const error = `unknown ${name.startsWith('-') ? 'option' : 'command'} ${name}`;
  return suggestion === undefined
    ? `${error}; allowed: one of ${names.join(', ')}`
    : `${error}; did you mean ${suggestion}?`;
}

/** Prints the error on one line and returns the exit code; NODE_DEBUG=pongcheck prints the stack. */
async function fail(error: unknown): Promise<number> {
  debuglog('pongcheck')('%O', error);
  const lines = linesOf(error);
  const result = await command?.onFailure?.(process.argv.slice(3), lines.join('; '));
  if (result?.line !== undefined) process.stdout.write(`${result.line}\n`);
  else for (const line of lines) process.stderr.write(`pongcheck: ${line}\n`);
  return result?.code ?? (error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED);
}

function linesOf(error: unknown): readonly string[] {
  const { message, code } = error as NodeJS.ErrnoException;
  if (error instanceof UsageError) {
    return [`${message.replace(/\.$/, '')}; see pongcheck ${command ? `${command.name} ` : ''}--help`];
  }
  if (error instanceof PongcheckError) return message.split('\n');
  return [`internal error: ${String(message || code).split('\n')[0]}`];
}

handleOutputErrors(() => command);
process.exitCode = await main(process.argv.slice(2)).catch(fail);
// A custom check may leave handles open, which must not keep a finished command running.
setTimeout(() => process.exit(), EXIT_DELAY_MS).unref();
