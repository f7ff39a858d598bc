import type { Command } from '../parser.js';
import { peerFlags } from '../peer-flags.js';

export const watchCommand: Command = {
  name: 'watch',
  description:
    'Watches responders over persistent connections: a live table on a terminal, otherwise one line per change.',
  argument: '[ADDRESS]...',
  many: true,
  flags: [
    { long: 'interval', short: 'i', value: 'TIME', description: 'Time between two PINGs. Default: 1s.' },
    { long: 'scope', value: 'SCOPE', description: 'Scope to watch: readiness (default), liveness or startup.' },
    ...peerFlags,
  ],
  exits: [[0, 'Stopped by a signal.']],
  examples: [
    ['pongcheck watch', 'the responder on this machine'],
    ['pongcheck watch a.example b.example:7464', 'two responders, until Ctrl+C'],
    ['pongcheck watch a.example | tee changes.log', 'one line per change'],
  ],
  load: async () => (await import('./run.js')).watch,
};
