import type { Command } from '../parser.js';
import { peerFlags } from '../peer-flags.js';
import { exitCode, exitDialects, requestedDialect } from './exit-dialects.js';

export const pingCommand: Command = {
  name: 'ping',
  description: 'Sends PINGs to a responder and prints one line per PONG, like ping(8).',
  argument: '[ADDRESS]',
  flags: [
    {
      long: 'count',
      short: 'c',
      value: 'N',
      description: 'Number of PINGs to send. Default: 1 with --exit, otherwise unlimited.',
    },
    { long: 'interval', short: 'i', value: 'TIME', description: 'Time between PINGs. Default: 1s.' },
    {
      long: 'wait',
      short: 'W',
      value: 'TIME',
      description: 'Time to wait for a PONG. Default: --timeout (or 2s) plus 500ms.',
    },
    { long: 'scope', value: 'SCOPE', description: 'Scope to query: readiness (default), liveness or startup.' },
    { long: 'check', value: 'NAME', multiple: true, description: 'Check to query; repeatable, up to 32.' },
    { long: 'group', value: 'NAME', description: 'Group of checks to query. Default: the group of the scope.' },
    {
      long: 'max-age',
      value: 'TIME',
      description: 'Maximum age of the results; 0 = run the checks now. Default: the maxAge of each check.',
    },
    {
      long: 'timeout',
      value: 'TIME',
      description:
        'Response deadline, after which the last known status is returned; 0 = immediately. Default: set by the responder.',
    },
    {
      long: 'detail',
      description:
        'Prints the result of a check whenever the result changes. Without this flag, each line shows only the checks that do not pass, and only if --interval is at least 100ms.',
    },
    ...peerFlags,
    {
      long: 'exit',
      value: 'DIALECT',
      description: `Exits with the codes that another program expects. Sends one PING by default. DIALECT is one of ${Object.keys(exitDialects).join(', ')}.`,
    },
    { long: 'json', description: 'Prints one JSON object per line.' },
  ],
  exits: [
    [0, 'The status in the last PONG was pass or warn.'],
    [1, 'The status in the last PONG was anything else.'],
    [2, 'The last PING was not answered with a PONG: no connection, a timeout, or an ERROR.'],
  ],
  examples: [
    ['pongcheck ping', 'Ping the responder on this machine, pong://127.0.0.1:7464, until Ctrl+C'],
    ['pongcheck ping -c 1 db.example:7464', 'Send one PING in a script; exit code 0 means pass or warn'],
    ['pongcheck ping --exit nagios --detail db.example', 'Run as a Nagios plugin that names the failing checks'],
    ['pongcheck ping --check mysql --max-age 0 --detail', 'Run the check mysql for each PING and print its result'],
  ],
  more: async () => [
    {
      title: 'Exit codes with --exit',
      rows: Object.entries(exitDialects).map(([name, { description }]) => [name, description]),
    },
  ],
  async onFailure(args, description) {
    const dialect = requestedDialect(args);
    if (dialect === undefined) return undefined;
    const code = exitCode(dialect, 'not asked');
    if (dialect !== 'nagios') return { code };
    return { code, line: (await import('./nagios-line.js')).nagiosLine('not asked', description) };
  },
  answersByExitCode: true,
  load: async () => (await import('./run.js')).ping,
};
