import type { State } from '../../health/state.js';

/** How a probe ended: what the last PONG said, no PONG, or a question that could not be asked or was broken off. */
export type Outcome = State | 'no answer' | 'not asked';

interface Dialect {
  readonly description: string;
  readonly codes: Readonly<Partial<Record<Outcome, number>>>;
  /** The code of every other outcome. */
  readonly otherwise: number;
}

const healthyOrNot = { codes: { pass: 0, warn: 0 }, otherwise: 1 } as const;

/** Exit codes as those read them who run probes. */
export const exitDialects = {
  k8s: { description: 'For an exec probe of Kubernetes: 0 for pass and warn, 1 for all else.', ...healthyOrNot },
  docker: {
    description: 'For a HEALTHCHECK of Docker, where 2 is reserved: 0 for pass and warn, 1 for all else.',
    ...healthyOrNot,
  },
  nagios: {
    description:
      'For Nagios and its kin: 0 OK for pass, 1 WARNING for warn, draining and starting, 2 CRITICAL for fail and no answer, 3 UNKNOWN for all else, a wrong command line too. Prints one line, with performance data.',
    // Who drains or starts does so as planned: worth a look, not a call in the night.
    codes: { pass: 0, warn: 1, draining: 1, starting: 1, fail: 2, 'no answer': 2 },
    otherwise: 3,
  },
  consul: {
    description: 'For a script check of Consul: 0 for pass, 1 (warning) for warn, 2 (critical) for all else.',
    codes: { pass: 0, warn: 1 },
    otherwise: 2,
  },
} as const satisfies Readonly<Record<string, Dialect>>;

export type ExitDialect = keyof typeof exitDialects;

/** Where no dialect is asked for; a command line that is wrong has a code of its own then. */
const plain: Dialect = { description: '', codes: { pass: 0, warn: 0, 'no answer': 2, 'not asked': 2 }, otherwise: 1 };

export function exitCode(dialect: ExitDialect | undefined, outcome: Outcome): number {
  const { codes, otherwise }: Dialect = dialect === undefined ? plain : exitDialects[dialect];
  return codes[outcome] ?? otherwise;
}

export function isExitDialect(name: unknown): name is ExitDialect {
  return typeof name === 'string' && Object.hasOwn(exitDialects, name);
}

/** The dialect that a command line asks for which may be wrong in any other way; undefined: none that there is. */
export function dialectAskedFor(args: readonly string[]): ExitDialect | undefined {
  const at = args.findLastIndex((arg) => arg === '--exit' || arg.startsWith('--exit='));
  const name = args[at] === '--exit' ? args[at + 1] : args[at]?.slice('--exit='.length);
  return isExitDialect(name) ? name : undefined;
}
