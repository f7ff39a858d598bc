import type { Command } from '../parser.js';
import { peerFlags } from '../peer-flags.js';

export const explainCommand: Command = {
  name: 'explain',
  description: 'Says in words why a responder is not ready: since when, because of what, and what is pending.',
  argument: '[ADDRESS]',
  flags: [
    { long: 'check', value: 'NAME', multiple: true, description: 'Asks about this check; up to 32 of them.' },
    { long: 'group', value: 'NAME', description: 'Asks about the checks of this group. Default: readiness.' },
    ...peerFlags,
    { long: 'json', description: 'Prints one JSON object.' },
  ],
  exits: [
    [0, 'It is pass or warn.'],
    [1, 'It is anything else.'],
    [2, 'There was no answer: nothing listens, no PONG in time, or an ERROR.'],
  ],
  examples: [
    ['pongcheck explain', 'the responder of this machine'],
    ['pongcheck explain shop.example --check orders', 'one check of another one'],
  ],
  answersByExitCode: true,
  load: async () => (await import('./run.js')).explainOnce,
};
