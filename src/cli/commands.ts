// Must be imported first, because a signal ends the process until its handlers are installed.
import './serve/signals.js';
import { nearest } from '../options/suggest.js';
import { type Command, EXIT_USAGE, UsageError } from './parser.js';
import { print, runCommand, runProgram } from './program.js';

/** Commands are loaded on demand, because each loaded file delays startup. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve/command.js')).serveCommand,
  ping: async () => (await import('./ping/command.js')).pingCommand,
  explain: async () => (await import('./explain/command.js')).explainCommand,
  watch: async () => (await import('./watch/command.js')).watchCommand,
  'check-config': async () => (await import('./check-config/command.js')).checkConfigCommand,
  conformance: async () => (await import('./conformance/command.js')).conformanceCommand,
  emit: async () => (await import('./emit/command.js')).emitCommand,
};

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
  const command = await (commands[String(named)] as () => Promise<Command>)();
  return runCommand(command, first === 'help' ? ['--help'] : rest);
}

async function printHelp(): Promise<number> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  return print((await import('./help.js')).mainHelp(all, await version()));
}

async function version(): Promise<string> {
  return (await import('../common/version.js')).packageVersion();
}

function unknownCommand(name: string): string {
  const names = Object.keys(commands);
  const suggestion = name.startsWith('-') ? undefined : nearest(name, names);
  const error = `unknown ${name.startsWith('-') ? 'option' : 'command'} ${name}`;
  return suggestion === undefined
    ? `${error}; allowed: one of ${names.join(', ')}`
    : `${error}; did you mean ${suggestion}?`;
}

await runProgram(() => main(process.argv.slice(2)));
