import { TOKEN_VARIABLE } from '../../options/variable-names.js';
import type { Command } from '../parser.js';

export const conformanceCommand: Command = {
  name: 'conformance',
  description:
    'Tests a responder against the specification: runs the sessions of protocol/vectors and prints the result for each rule.',
  argument: '[ADDRESS]',
  flags: [
    {
      long: 'start',
      value: 'COMMAND',
      description:
        'Starts a responder with this shell command for each configuration that the sessions require. {settings} stands for a file with the configuration in JSON, {port} for the port. protocol/vectors/README.md describes both, and how the responder is controlled.',
    },
    {
      long: 'with',
      value: 'JSON',
      description:
        'What the responder at ADDRESS has, in the form of {settings}, such as {"checks":{"db":"pass"}}: also runs the sessions that require no more than that.',
    },
    {
      long: 'token',
      value: 'TOKEN',
      description: `Token for the responder at ADDRESS, if it requires one. Visible to all users of this machine: the variable ${TOKEN_VARIABLE} is not.`,
    },
    { long: 'junit', value: 'FILE', description: 'Writes a JUnit XML report to this file, one test case per session.' },
    { long: 'json', description: 'Prints one JSON object.' },
    {
      long: 'slack',
      value: 'TIME',
      description: 'Time that an answer may take longer than its session allows (within). Default: 500ms.',
    },
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
    [2, 'Could not connect, the token was refused, or the command did not start a responder.'],
  ],
  examples: [
    ['pongcheck conformance', 'the responder of this package, with the settings that each rule needs'],
    ['pongcheck conformance 127.0.0.1:7464', 'another responder: rules that need certain settings are not tested'],
    [
      "pongcheck conformance --start './responder {settings} {port}'",
      'another responder, with the settings that each rule needs',
    ],
    ['pongcheck conformance 127.0.0.1:7464 --junit conformance.xml', 'for continuous integration'],
    ["pongcheck conformance --client 'python3 adapter.py {address}'", 'a client'],
  ],
  load: async () => async (flags, address) =>
    flags.client === undefined
      ? (await import('./run.js')).conformance(flags, address)
      : (await import('./client/run.js')).conformanceOfClient(flags, address),
};
