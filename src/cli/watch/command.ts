import type { Command } from '../parser.js';
import { peerFlags } from '../peer-flags.js';

export const watchCommand: Command = {
  name: 'watch',
  description:
    'Watches responders over persistent connections. Shows a live table on a terminal, otherwise prints one line per change.',
  argument: '[ADDRESS]...',
  many: true,
  flags: [
    { long: 'interval', short: 'i', value: 'TIME', description: 'Time between PINGs. Default: 1s.' },
    { long: 'scope', value: 'SCOPE', description: 'Scope to watch: readiness (default), liveness or startup.' },
    { long: 'check', value: 'NAME', multiple: true, description: 'Check to watch; repeatable, up to 32.' },
    { long: 'group', value: 'NAME', description: 'Group of checks to watch. Default: the group of the scope.' },
    ...peerFlags,
    { long: 'json', description: 'Prints one JSON object per change.' },
  ],
  exits: [[0, 'Stopped by a signal, or because standard output was closed.']],
  examples: [
    ['pongcheck watch', 'Watch the responder on this machine'],
    ['pongcheck watch a.example b.example:7464', 'Watch two responders until Ctrl+C'],
    ['pongcheck watch a.example | tee changes.log', 'Print one line per change'],
    ['pongcheck watch a.example --check db --json', 'Print one JSON object per change of one check'],
  ],
  load: async () => (await import('./run.js')).watch,
};
