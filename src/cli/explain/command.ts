import type { Command } from '../parser.js';
import { peerFlags } from '../peer-flags.js';

export const explainCommand: Command = {
  name: 'explain',
  description: 'Explains the status of a responder: since when, the root causes, and pending checks.',
  argument: '[ADDRESS]',
  flags: [
    { long: 'check', value: 'NAME', multiple: true, description: 'Explains this check; up to 32.' },
    { long: 'group', value: 'NAME', description: 'Explains the checks of this group. Default: readiness.' },
    ...peerFlags,
    { long: 'json', description: 'Prints one JSON object.' },
  ],
  exits: [
    [0, 'The status is pass or warn.'],
    [1, 'The status is anything else.'],
    [2, 'No PONG: no connection, a timeout, or an ERROR.'],
  ],
  examples: [
    ['pongcheck explain', 'the responder on this machine'],
    ['pongcheck explain shop.example --check orders', 'one check of another responder'],
  ],
  answersByExitCode: true,
  load: async () => (await import('./run.js')).explainOnce,
};
