import type { Command } from '../parser.js';
import { peerFlags } from '../peer-flags.js';
import { dialectAskedFor, exitCode, exitDialects } from './exit-dialects.js';

export const pingCommand: Command = {
  name: 'ping',
  description: 'PINGs a responder and prints a line for each PONG, as ping(8) does.',
  argument: '[ADDRESS]',
  flags: [
    {
      long: 'count',
      short: 'c',
      value: 'N',
      description: 'Ends after N PINGs. Default: 1 with --exit, else it goes on until Ctrl+C.',
    },
    { long: 'interval', short: 'i', value: 'TIME', description: 'From one PING to the next. Default 1s.' },
    {
      long: 'wait',
      short: 'W',
      value: 'TIME',
      description: 'How long to wait for a PONG. Default: --timeout, or the 2s of a responder without it, and 500ms.',
    },
    { long: 'scope', value: 'SCOPE', description: 'readiness (default), liveness or startup.' },
    { long: 'check', value: 'NAME', multiple: true, description: 'Asks for this check; up to 32 of them.' },
    { long: 'group', value: 'NAME', description: 'Asks for the checks of this group.' },
    { long: 'max-age', value: 'TIME', description: 'The oldest result to accept; 0 = of a run that starts now.' },
    {
      long: 'timeout',
      value: 'TIME',
      description: 'By when the responder answers, with the last that it knows if need be; 0 = with what it knows now.',
    },
    { long: 'detail', description: 'Asks for the report, and prints what each check says whenever that changes.' },
    ...peerFlags,
    {
      long: 'exit',
      value: 'DIALECT',
      description: `A probe: one PING, and its exit code as another program reads it. One of ${Object.keys(exitDialects).join(', ')}.`,
    },
    { long: 'json', description: 'Prints one JSON object a line.' },
  ],
  exits: [
    [0, 'The last PONG said pass or warn.'],
    [1, 'The last PONG said anything else.'],
    [2, 'The last PING got no PONG: nothing listens, no answer in time, or an ERROR.'],
  ],
  examples: [
    ['pongcheck ping', 'the responder of this machine, at pong://127.0.0.1:7464, until Ctrl+C'],
    ['pongcheck ping -c 1 db.example:7464', 'a probe for scripts: exit code 0 is pass or warn'],
    ['pongcheck ping --exit nagios --detail db.example', 'a plugin of Nagios that names the check which fails'],
    ['pongcheck ping --check mysql --max-age 0 --detail', 'runs the check mysql anew each time and says what it found'],
  ],
  more: async () => [
    {
      title: 'Exit codes with --exit',
      rows: Object.entries(exitDialects).map(([name, { description }]) => [name, description]),
    },
  ],
  async refusal(args, description) {
    const dialect = dialectAskedFor(args);
    if (dialect === undefined) return undefined;
    const code = exitCode(dialect, 'not asked');
    if (dialect !== 'nagios') return { code };
    return { code, line: (await import('./nagios-line.js')).nagiosLine('not asked', description) };
  },
  answersByExitCode: true,
  load: async () => (await import('./run.js')).ping,
};
