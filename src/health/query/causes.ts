import type { Cause } from '../check.js';

/** The most causes that a report or a result holds. */
export const MAX_CAUSES = 32;
/** The most octets that the causes of one report take, so that a report without its checks always fits a PONG. */
const MAX_CAUSES_OCTETS = 49_152;

/**
 * The causes that another responder told, without those that came from or
 * through `instance` itself: it knows its own troubles first-hand, and hearing
 * of them again must not keep them alive (SPEC "Chains and circles").
 */
export function withoutOwn(causes: readonly Cause[], instance: string): readonly Cause[] {
  return causes.filter((cause) => cause.instance !== instance && !cause.via.includes(instance));
}

/** The first of `causes` that a report has room for. */
export function bounded(causes: Iterable<Cause>): Cause[] {
  const kept: Cause[] = [];
  let octets = 0;
  for (const cause of causes) {
    octets += Buffer.byteLength(JSON.stringify(cause)) + 1;
    if (kept.length === MAX_CAUSES || octets > MAX_CAUSES_OCTETS) break;
    kept.push(cause);
  }
  return kept;
}
