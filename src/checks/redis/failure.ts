import { type CheckFailure, type Reason, reasonOf, toCheckFailure } from '../../health/reason.js';

/** Reasons by error reply, in order of precedence. */
const reasonByReply: readonly (readonly [RegExp, Reason])[] = [
  [/max number of clients/, 'too-many-connections'],
  [/\bLOADING\b/, 'loading'],
  [/\b(?:NOAUTH|WRONGPASS|NOPERM|DENIED)\b|invalid password|sent AUTH|DB index/, 'auth'],
  [/\bMASTERDOWN\b/, 'master-down'],
  [/\bCLUSTERDOWN\b/, 'cluster-down'],
  // MISCONF: the server cannot save. NOREPLICAS: there are too few replicas. In both cases, it accepts no writes.
  [/\b(?:READONLY|MISCONF|NOREPLICAS)\b/, 'read-only'],
  [/\bOOM\b/, 'out-of-memory'],
  // A script has exceeded its time limit, and other commands are not answered.
  [/\bBUSY\b/, 'timeout'],
  [/^Connection is closed/, 'reset'],
];

/** Converts a connection error to a CheckFailure. Unknown errors get the reason `protocol`. */
export function redisFailure(error: unknown): CheckFailure {
  const message = String((error as Error | undefined)?.message);
  const [, reason] = reasonByReply.find(([pattern]) => pattern.test(message)) ?? [];
  return toCheckFailure(reason ?? reasonOf(error, 'protocol'), error);
}
