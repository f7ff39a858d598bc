#!/usr/bin/env node
import { debuglog } from 'node:util';
import { checkConfigCommand } from './cli/check-config.js';
import { type Command, EXIT_USAGE, parseCommandLine, UsageError } from './cli/command.js';
import { explainCommand } from './cli/explain.js';
import { pingCommand } from './cli/ping.js';
import { serveCommand } from './cli/serve.js';
import { watchCommand } from './cli/watch.js';
import { nearest } from './config/nearest.js';
import { PongcheckError } from './errors.js';
import { packageVersion } from './version.js';

const commands: readonly Command[] = [serveCommand, pingCommand, explainCommand, watchCommand, checkConfigCommand];
const EXIT_FAILED = 1;
const LINGER_MS = 500;
/** The command of this process, once it is known. */
let command: Command | undefined;

async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === '--version' || first === '-V') return print(`${packageVersion()}\n`);
  if (first === '--help' || first === '-h' || (first === 'help' && rest.length === 0)) return printHelp();
  if (first === undefined) {
    await printHelp();
    return EXIT_USAGE;
  }
  const named = first === 'help' ? rest[0] : first;
  command = commands.find(({ name }) => name === named);
  if (!command) throw new UsageError(unknownCommand(String(named)));
  const { flags, arguments_ } = parseCommandLine(command, first === 'help' ? ['--help'] : rest);
  if (flags.help) return print(await (await import('./cli/help.js')).commandHelp(command));
  const run = await command.load();
  return run(flags, arguments_[0], arguments_);
}

async function printHelp(): Promise<number> {
  return print((await import('./cli/help.js')).mainHelp(commands, packageVersion()));
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function unknownCommand(name: string): string {
  const names = commands.map((command) => command.name);
  const meant = name.startsWith('-') ? undefined : nearest(name, names);
  const what = `unknown ${name.startsWith('-') ? 'option' : 'command'} ${name}`;
  return meant === undefined ? `${what}; commands are ${names.join(', ')}` : `${what}; did you mean ${meant}?`;
}

/** One clear line and an exit code; a stack only for who asks with NODE_DEBUG=pongcheck. */
function fail(error: unknown): number {
  debuglog('pongcheck')('%O', error);
  const lines = linesOf(error);
  const refusal = command?.refusal?.(process.argv.slice(3), lines.join('; '));
  if (refusal?.line !== undefined) process.stdout.write(`${refusal.line}\n`);
  else for (const line of lines) process.stderr.write(`pongcheck: ${line}\n`);
  return refusal?.code ?? (error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED);
}

function linesOf(error: unknown): readonly string[] {
  const { message, code } = error as NodeJS.ErrnoException;
  if (error instanceof UsageError) {
    return [`${message.replace(/\.$/, '')}; see pongcheck ${command ? `${command.name} ` : ''}--help`];
  }
  if (error instanceof PongcheckError) return message.split('\n');
  return [`internal error: ${String(message || code).split('\n')[0]}`];
}

// A reader that has seen enough (`| head`) ends the command, and that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : EXIT_FAILED));
process.exitCode = await main(process.argv.slice(2)).catch(fail);
// What a check of the user's own left running keeps no command alive that is done.
setTimeout(() => process.exit(), LINGER_MS).unref();
