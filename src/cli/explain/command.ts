import type { Command } from '../parser.js';
import { peerFlags } from '../peer-flags.js';

export const explainCommand: Command = {
  name: 'explain',
  description:
    'Explains the status of a responder: how long it has lasted, the root causes, and pending state changes.',
  argument: '[ADDRESS]',
  flags: [
    { long: 'check', value: 'NAME', multiple: true, description: 'Check to explain; repeatable, up to 32.' },
    { long: 'group', value: 'NAME', description: 'Group of checks to explain. Default: readiness.' },
    ...peerFlags,
    { long: 'json', description: 'Prints one JSON object.' },
  ],
  exits: [
    [0, 'The status is pass or warn.'],
    [1, 'The status is anything else.'],
    [2, 'No PONG arrived: no connection, a timeout, or an ERROR.'],
  ],
  examples: [
    ['pongcheck explain', 'Explain the status of the responder on this machine'],
    ['pongcheck explain shop.example --check orders', 'Explain one check of another responder'],
  ],
  answersByExitCode: true,
  load: async () => (await import('./run.js')).explainOnce,
};
