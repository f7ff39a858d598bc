import type { State } from '../../health/state.js';

/** Outcome of a probe: the status in the last PONG, no PONG, or a PING that was not sent or was interrupted. */
export type Outcome = State | 'no answer' | 'not asked';

interface Dialect {
  readonly description: string;
  readonly codes: Readonly<Partial<Record<Outcome, number>>>;
  /** Exit code of every other outcome. */
  readonly otherwise: number;
}

const healthyOrNot = { codes: { pass: 0, warn: 0 }, otherwise: 1 } as const;

/** Exit codes as interpreted by programs that run probes. */
export const exitDialects = {
  k8s: { description: 'Kubernetes exec probe: 0 for pass and warn, 1 otherwise.', ...healthyOrNot },
  docker: {
    description: 'Docker HEALTHCHECK, which reserves 2: 0 for pass and warn, 1 otherwise.',
    ...healthyOrNot,
  },
  nagios: {
    description:
      'Nagios plugin: 0 (OK) for pass, 1 (WARNING) for warn, draining and starting, 2 (CRITICAL) for fail and no answer, 3 (UNKNOWN) otherwise, including usage errors. Prints one line with performance data.',
    // Draining and starting are planned, so they are warnings.
    codes: { pass: 0, warn: 1, draining: 1, starting: 1, fail: 2, 'no answer': 2 },
    otherwise: 3,
  },
  consul: {
    description: 'Consul script check: 0 for pass, 1 (warning) for warn, 2 (critical) otherwise.',
    codes: { pass: 0, warn: 1 },
    otherwise: 2,
  },
} as const satisfies Readonly<Record<string, Dialect>>;

export type ExitDialect = keyof typeof exitDialects;

/** Used without --exit. A usage error then exits with 64. */
const plain: Dialect = { description: '', codes: { pass: 0, warn: 0, 'no answer': 2, 'not asked': 2 }, otherwise: 1 };

export function exitCode(dialect: ExitDialect | undefined, outcome: Outcome): number {
  const { codes, otherwise }: Dialect = dialect === undefined ? plain : exitDialects[dialect];
  return codes[outcome] ?? otherwise;
}

export function isExitDialect(name: unknown): name is ExitDialect {
  return typeof name === 'string' && Object.hasOwn(exitDialects, name);
}

/** The valid dialect in a command line that is otherwise invalid; undefined if there is none. */
export function requestedDialect(args: readonly string[]): ExitDialect | undefined {
  const at = args.findLastIndex((arg) => arg === '--exit' || arg.startsWith('--exit='));
  const name = args[at] === '--exit' ? args[at + 1] : args[at]?.slice('--exit='.length);
  return isExitDialect(name) ? name : undefined;
}
