import type { ResponderCause } from './digest.js';
import { type ResponderState, responderStates } from './responder.js';

/** The fields of a responder that the summary uses. */
export interface Summarized {
  readonly state: ResponderState;
  readonly why: string | undefined;
  readonly digest: { readonly causes: readonly ResponderCause[] } | undefined;
}

/** A cause shared by one or more responders. */
export interface SharedCause {
  /** The worst state of this cause on any of the responders. */
  readonly state: 'unreachable' | ResponderCause['state'];
  /** Undefined for `unreachable`. */
  readonly check?: string;
  /** The service or instance that observed the cause, if the responders did not observe it themselves. */
  readonly of?: string;
  readonly reason?: string;
  /** Number of responders that report the cause. */
  readonly responders: number;
}

type Counts = Readonly<Record<ResponderState, number>>;

/**
 * The distinct causes of all responders, sorted by state (worst first), then by number of responders (largest first).
 */
export function sharedCauses(responders: Iterable<Summarized>): SharedCause[] {
  const found = new Map<string, SharedCause>();
  for (const responder of responders) {
    // A responder may report equal causes from several instances; they count once.
    const own = new Map(causesOf(responder).map((cause) => [keyOf(cause), cause]));
    for (const [key, cause] of own) {
      const before = found.get(key) ?? cause;
      const responders = (found.get(key)?.responders ?? 0) + 1;
      found.set(key, { ...before, responders, state: rank(before) <= rank(cause) ? before.state : cause.state });
    }
  }
  return [...found.values()].sort((a, b) => rank(a) - rank(b) || b.responders - a.responders);
}

function causesOf({ state, why, digest }: Summarized): SharedCause[] {
  if (state === 'unreachable') return [{ state, ...(why !== undefined && { reason: why }), responders: 1 }];
  return (digest?.causes ?? []).map(({ output: _, ...cause }) => ({ ...cause, responders: 1 }));
}

function keyOf({ check, of, reason }: SharedCause): string {
  return JSON.stringify([check, of, reason]);
}

function rank({ state }: Pick<SharedCause, 'state'>): number {
  return responderStates.indexOf(state);
}

/** Short text of a cause: `db=timeout`, `db of stock=timeout`, `unreachable (refused the connection)`. */
export function causeText({ state, check, of, reason }: Omit<SharedCause, 'responders'>): string {
  if (check === undefined) return reason === undefined ? state : `${state} (${reason})`;
  return `${check}${of === undefined ? '' : ` of ${of}`}${reason === undefined ? '' : `=${reason}`}`;
}

const phrases: Readonly<Record<ResponderState, readonly [one: string, many: string]>> = {
  fail: ['fails', 'fail'],
  unreachable: ['is unreachable', 'are unreachable'],
  unknown: ['has an unknown state', 'have an unknown state'],
  starting: ['is starting', 'are starting'],
  draining: ['is draining', 'are draining'],
  warn: ['is degraded', 'are degraded'],
  connecting: ['has not been reached yet', 'have not been reached yet'],
  pass: ['passes', 'pass'],
};

/** A one-sentence summary: `37 of 40 responders fail, 1 is unreachable.` */
export function headline(counts: Counts): string {
  const total = totalOf(counts);
  if (total === 0) return 'No responder is known.';
  if (counts.pass === total) return total === 1 ? 'The responder passes.' : `All ${total} responders pass.`;
  const listed = responderStates.filter((state) => state !== 'pass' && counts[state] > 0);
  const parts = listed.map((state, index) => {
    const count = counts[state];
    const phrase = phrases[state][count === 1 ? 0 : 1];
    if (index > 0) return `${count} ${phrase}`;
    return `${count} of ${total} ${total === 1 ? 'responder' : 'responders'} ${phrase}`;
  });
  return `${parts.join(', ')}.`;
}

/** The worst state of any responder; `pass` if there is none. */
export function worstOf(counts: Counts): ResponderState {
  return responderStates.find((state) => counts[state] > 0) ?? 'pass';
}

export function totalOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
