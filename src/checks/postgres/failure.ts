import { type CheckFailure, type Reason, reasonOf, toCheckFailure } from '../../health/reason.js';

/** Reasons by SQLSTATE of the server error. */
const reasonByState: Readonly<Record<string, Reason>> = {
  '53300': 'too-many-connections', // too_many_connections
  '28000': 'auth', // invalid_authorization_specification
  '28P01': 'auth', // invalid_password
  '3D000': 'auth', // invalid_catalog_name: the database does not exist
  '42501': 'auth', // insufficient_privilege
  '57P03': 'loading', // cannot_connect_now: starting up, in recovery, or shutting down
  '57P01': 'reset', // admin_shutdown
  '57P02': 'reset', // crash_shutdown
  '57P04': 'reset', // database_dropped
  '57P05': 'reset', // idle_session_timeout
  '57014': 'timeout', // query_canceled by statement_timeout
  '55P03': 'timeout', // lock_not_available
  '25006': 'read-only', // read_only_sql_transaction
  '53100': 'out-of-memory', // disk_full
  '53200': 'out-of-memory', // out_of_memory
};

/** Reasons by message, for errors of the driver and of PgBouncer, which uses one SQLSTATE for all errors. */
const reasonByMessage: readonly (readonly [RegExp, Reason])[] = [
  [/^no more connections allowed/, 'too-many-connections'],
  [/^Connection terminated|^Client has encountered a connection error/, 'reset'],
  [/SSL connection/, 'tls'],
  [/^SASL:/, 'auth'],
];

/** Converts a connection error to a CheckFailure. Unknown errors get the reason `protocol`. */
export function postgresFailure(error: unknown): CheckFailure {
  const { code, message } = (error ?? {}) as Record<string, unknown>;
  const [, reason] = reasonByMessage.find(([pattern]) => pattern.test(String(message))) ?? [];
  return toCheckFailure(reasonByState[code as string] ?? reason ?? reasonOf(error, 'protocol'), error);
}
