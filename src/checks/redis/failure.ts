import { type CheckFailure, type Reason, reasonOf, toCheckFailure } from '../../health/reason.js';

/** Replies of the server that say why, in the order in which they are looked for. */
const reasonByReply: readonly (readonly [RegExp, Reason])[] = [
  [/max number of clients/, 'too-many-connections'],
  [/\bLOADING\b/, 'loading'],
  [/\b(?:NOAUTH|WRONGPASS|NOPERM|DENIED)\b|invalid password|sent AUTH|DB index/, 'auth'],
  [/\bMASTERDOWN\b/, 'master-down'],
  [/\bCLUSTERDOWN\b/, 'cluster-down'],
  // MISCONF: it cannot save, NOREPLICAS: too few replicas follow, and it takes no writes until that is over.
  [/\b(?:READONLY|MISCONF|NOREPLICAS)\b/, 'read-only'],
  [/\bOOM\b/, 'out-of-memory'],
  // A script runs for longer than it may, and nothing else is answered.
  [/\bBUSY\b/, 'timeout'],
  [/^Connection is closed/, 'reset'],
];

/** What went wrong on a connection, with its reason. What nobody knows is no answer of a Redis. */
export function redisFailure(error: unknown): CheckFailure {
  const message = String((error as Error | undefined)?.message);
  const [, reason] = reasonByReply.find(([pattern]) => pattern.test(message)) ?? [];
  return toCheckFailure(reason ?? reasonOf(error, 'protocol'), error);
}
