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
    { long: 'check', value: 'NAME', multiple: true, description: 'Watches this check; up to 32.' },
    { long: 'group', value: 'NAME', description: 'Watches the checks of this group.' },
    ...peerFlags,
    { long: 'json', description: 'Prints one JSON object per change.' },
  ],
  exits: [[0, 'Stopped by a signal, or standard output has no reader any more.']],
  examples: [
    ['pongcheck watch', 'the responder on this machine'],
    ['pongcheck watch a.example b.example:7464', 'two responders, until Ctrl+C'],
    ['pongcheck watch a.example | tee changes.log', 'one line per change'],
    ['pongcheck watch a.example --check db --json', 'one JSON object per change of one check'],
  ],
  load: async () => (await import('./run.js')).watch,
};
