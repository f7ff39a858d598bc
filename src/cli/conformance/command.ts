import type { Command } from '../parser.js';

export const conformanceCommand: Command = {
  name: 'conformance',
  description:
    'Plays the dialogues of protocol/vectors with a responder, and says for each rule of the specification whether it holds.',
  argument: '[ADDRESS]',
  flags: [
    { long: 'junit', value: 'FILE', description: 'Writes JUnit’s XML there, a case for each dialogue.' },
    { long: 'json', description: 'Prints one JSON object.' },
    { long: 'rule', value: 'M1', multiple: true, description: 'Plays only the dialogues about this rule.' },
  ],
  exits: [
    [0, 'Every rule that was tried holds.'],
    [1, 'One does not, or not strictly.'],
    [2, 'There was no connection at all.'],
  ],
  examples: [
    ['pongcheck conformance', 'this package’s own responder, with every setting that a rule needs'],
    ['pongcheck conformance 127.0.0.1:7464', 'anyone’s responder: what needs a setting is not tried'],
    ['pongcheck conformance 127.0.0.1:7464 --junit conformance.xml', 'for continuous integration'],
  ],
  load: async () => (await import('./run.js')).conformance,
};
