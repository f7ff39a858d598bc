import type { Command } from '../parser.js';
import { peerFlags } from '../peer-flags.js';

export const watchCommand: Command = {
  name: 'watch',
  description:
    'Watches responders over long connections, told at each change: a live table on a terminal, a line a change into a pipe.',
  argument: '[ADDRESS]...',
  many: true,
  flags: [
    { long: 'interval', short: 'i', value: 'TIME', description: 'From one PING to the next. Default 1s.' },
    { long: 'scope', value: 'SCOPE', description: 'readiness (default), liveness or startup.' },
    ...peerFlags,
  ],
  exits: [[0, 'It was ended by a signal.']],
  examples: [
    ['pongcheck watch', 'the responder of this machine'],
    ['pongcheck watch a.example b.example:7464', 'two of them, until Ctrl+C'],
    ['pongcheck watch a.example | tee changes.log', 'a line for each change'],
  ],
  load: async () => (await import('./run.js')).watch,
};
