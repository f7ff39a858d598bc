import type { Command } from '../parser.js';

export const conformanceCommand: Command = {
  name: 'conformance',
  description:
    'Tests a responder against the specification: runs the sessions of protocol/vectors and prints the result for each rule.',
  argument: '[ADDRESS]',
  flags: [
    { long: 'junit', value: 'FILE', description: 'Writes a JUnit XML report to this file, one test case per session.' },
    { long: 'json', description: 'Prints one JSON object.' },
    { long: 'rule', value: 'M1', multiple: true, description: 'Runs only the sessions for this rule.' },
    {
      long: 'client',
      value: 'COMMAND',
      description:
        'Tests a client instead: starts this command for each dialogue, with HOST:PORT in place of {address}, and controls it as protocol/vectors/README.md describes.',
    },
  ],
  exits: [
    [0, 'Every tested rule is met.'],
    [1, 'A rule is not met, or not strictly.'],
    [2, 'Could not connect.'],
  ],
  examples: [
    ['pongcheck conformance', 'the responder of this package, with the settings that each rule needs'],
    ['pongcheck conformance 127.0.0.1:7464', 'another responder: rules that need certain settings are not tested'],
    ['pongcheck conformance 127.0.0.1:7464 --junit conformance.xml', 'for continuous integration'],
    ["pongcheck conformance --client 'python3 adapter.py {address}'", 'a client'],
  ],
  load: async () => async (flags, address) =>
    flags.client === undefined
      ? (await import('./run.js')).conformance(flags, address)
      : (await import('./client/run.js')).conformanceOfClient(flags, address),
};
