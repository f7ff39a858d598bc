import { NO_PEERS, type PeerTally } from './fate.js';

/** The answers of a responder's peers about a failure, if they were queried. */
export interface ReportedFate {
  /** Whether the peers have the same failure: `shared`, `local` or `unknown`. */
  readonly fate?: string;
  readonly peers?: PeerTally;
}

/** Reads `fate` and `peers` of a check or cause. Invalid values are omitted. */
export function readFate({ fate, peers }: Readonly<Record<string, unknown>>): ReportedFate {
  const { asked, answered, failing } = (peers ?? {}) as Readonly<Record<string, unknown>>;
  const count = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
  const counts = { asked: count(asked), answered: count(answered), failing: count(failing) };
  return { ...(typeof fate === 'string' && fate !== '' && { fate }), ...(peers !== undefined && { peers: counts }) };
}

/**
 * Describes why a check does not pass, for a table or a list: `timeout: no answer; shared: fails at 4 of 5 peers`.
 * Empty if it passes.
 */
export function failureText(check: ReportedFate & { readonly reason?: string; readonly output?: string }): string {
  const { reason, output } = check;
  const why = [reason, output].filter((part) => part !== undefined && part !== '').join(': ');
  return [why, fateLabel(check)].filter((part) => part !== '').join('; ');
}

function fateLabel({ fate, peers = NO_PEERS }: ReportedFate): string {
  const { answered, failing } = peers;
  switch (fate) {
    case 'shared':
      return `shared: fails at ${failing} of ${answered} peers`;
    case 'local':
      return `local: works at ${answered - failing} of ${answered} peers`;
    case 'unknown':
      return 'unknown whether shared';
    default:
      return '';
  }
}

/**
 * Describes the answers of peers about a failure in one sentence. Empty if none were queried.
 *
 * @param subject the instance with the failure.
 */
export function fateSentence({ fate, peers = NO_PEERS }: ReportedFate, subject: string): string {
  const { asked, answered, failing } = peers;
  switch (fate) {
    case 'shared':
      return `It fails at ${failing} of ${answered} peers too: the dependency has failed, not ${subject}.`;
    case 'local':
      return `It works at ${answered - failing} of ${answered} peers: ${subject} has failed, not the dependency.`;
    case 'unknown':
      return `It is unknown whether the failure is shared: ${whyUnknown(asked, answered)}.`;
    default:
      return '';
  }
}

function whyUnknown(asked: number, answered: number): string {
  if (asked === 0) return 'no peer was asked';
  if (answered > 1) return 'the answers of peers are too old';
  return `${answered} of ${asked} peers gave an answer that counts`;
}
