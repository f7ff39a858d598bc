import { TOKEN_VARIABLE } from '../../options/variable-names.js';
import type { Command } from '../parser.js';

export const conformanceCommand: Command = {
  name: 'conformance',
  description:
    'Tests a responder against the specification. Runs the sessions in protocol/vectors and prints the result for each rule.',
  argument: '[ADDRESS]',
  flags: [
    {
      long: 'start',
      value: 'COMMAND',
      description:
        'Shell command that starts a responder, run once for each configuration that the sessions require. {settings} is replaced with the path of a JSON file with the configuration, and {port} with the port. protocol/vectors/README.md describes these placeholders, and how the responder is controlled.',
    },
    {
      long: 'with',
      value: 'JSON',
      description:
        'Configuration of the responder at ADDRESS, in the format of {settings}, such as {"checks":{"db":"pass"}}. Sessions that require only these settings are run as well.',
    },
    {
      long: 'token',
      value: 'TOKEN',
      description: `Token for the responder at ADDRESS, if it requires one. Visible to all users on this machine, unlike the variable ${TOKEN_VARIABLE}.`,
    },
    {
      long: 'junit',
      value: 'FILE',
      description: 'File to write a JUnit XML report to, with one test case per session.',
    },
    { long: 'json', description: 'Prints one JSON object.' },
    {
      long: 'slack',
      value: 'TIME',
      description: 'Extra time for each answer, beyond what its session allows (within). Default: 500ms.',
    },
    { long: 'rule', value: 'M1', multiple: true, description: 'Runs only the sessions for this rule; repeatable.' },
    {
      long: 'client',
      value: 'COMMAND',
      description:
        'Tests a client instead of a responder. Starts this command for each dialogue, with {address} replaced by HOST:PORT, and controls it as protocol/vectors/README.md describes.',
    },
  ],
  exits: [
    [0, 'Every tested rule is met.'],
    [1, 'A rule failed, or has the verdict "not strict".'],
    [2, 'The connection failed, the token was refused, or the command did not start a responder.'],
  ],
  examples: [
    ['pongcheck conformance', 'Test the responder in this package, with the settings that each rule requires'],
    ['pongcheck conformance 127.0.0.1:7464', 'Test another responder, except for rules that require certain settings'],
    [
      "pongcheck conformance --start './responder {settings} {port}'",
      'Test another responder, with the settings that each rule requires',
    ],
    ['pongcheck conformance 127.0.0.1:7464 --junit conformance.xml', 'Write a report for continuous integration'],
    ["pongcheck conformance --client 'python3 adapter.py {address}'", 'Test a client'],
  ],
  load: async () => async (flags, address) =>
    flags.client === undefined
      ? (await import('./run.js')).conformance(flags, address)
      : (await import('./client/run.js')).conformanceOfClient(flags, address),
};
