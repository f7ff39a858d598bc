import { CheckFailure, type Reason, reasonOf, toCheckFailure } from '../../health/reason.js';

/** Reasons by server error number. MySQL and MariaDB share the numbers below 1900. */
const reasonByNumber: Readonly<Record<number, Reason>> = {
  1040: 'too-many-connections', // ER_CON_COUNT_ERROR
  1203: 'too-many-connections', // ER_TOO_MANY_USER_CONNECTIONS
  1226: 'too-many-connections', // ER_USER_LIMIT_REACHED
  1129: 'host-blocked', // ER_HOST_IS_BLOCKED
  1044: 'auth', // ER_DBACCESS_DENIED_ERROR
  1045: 'auth', // ER_ACCESS_DENIED_ERROR
  1049: 'auth', // ER_BAD_DB_ERROR: the database does not exist
  1130: 'auth', // ER_HOST_NOT_PRIVILEGED
  1142: 'auth', // ER_TABLEACCESS_DENIED_ERROR
  1227: 'auth', // ER_SPECIFIC_ACCESS_DENIED_ERROR
  1251: 'auth', // ER_NOT_SUPPORTED_AUTH_MODE
  1524: 'auth', // ER_PLUGIN_IS_NOT_LOADED
  1698: 'auth', // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
  1820: 'auth', // ER_MUST_CHANGE_PASSWORD
  1862: 'auth', // ER_MUST_CHANGE_PASSWORD_LOGIN
  2059: 'auth', // CR_AUTH_PLUGIN_CANNOT_LOAD
  3118: 'auth', // ER_ACCOUNT_HAS_BEEN_LOCKED (MySQL)
  3955: 'auth', // ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK
  4150: 'auth', // ER_USER_IS_BLOCKED (MariaDB)
  4151: 'auth', // ER_ACCOUNT_HAS_BEEN_LOCKED (MariaDB)
  3159: 'tls', // ER_SECURE_TRANSPORT_REQUIRED
  3160: 'tls', // ER_NO_SECURE_TRANSPORTS_CONFIGURED
  1053: 'reset', // ER_SERVER_SHUTDOWN
  1080: 'reset', // ER_FORCING_CLOSE
  1927: 'reset', // ER_CONNECTION_KILLED
  4031: 'reset', // ER_CLIENT_INTERACTION_TIMEOUT
  1969: 'timeout', // ER_STATEMENT_TIMEOUT (MariaDB)
  3024: 'timeout', // ER_QUERY_TIMEOUT (MySQL)
  1037: 'out-of-memory', // ER_OUTOFMEMORY
  1038: 'out-of-memory', // ER_OUT_OF_SORTMEMORY
  1041: 'out-of-memory', // ER_OUT_OF_RESOURCES
};

/** Reasons by driver error code. */
const reasonByCode: Readonly<Record<string, Reason>> = {
  PROTOCOL_CONNECTION_LOST: 'reset',
  HANDSHAKE_NO_SSL_SUPPORT: 'tls',
  HANDSHAKE_SSL_ERROR: 'tls',
  AUTH_SWITCH_PLUGIN_ERROR: 'auth',
};

/** The driver's error for an unsupported plugin. The plugin name comes from the server. */
const UNKNOWN_PLUGIN = /^Server requests authentication using unknown plugin ([\w-]{1,64})\. See /;
/** Limits of the user rather than of the server. Errors 1203 and 1226 contain these names in every language. */
const USER_LIMIT = /'max_user_connections'/;
const HOURLY_LIMIT = /'max_connections_per_hour'/;

/** Converts a connection error to a CheckFailure. Unknown errors get the reason `protocol`. */
export function mysqlFailure(error: unknown): CheckFailure {
  const { errno, code, message } = (error ?? {}) as Record<string, unknown>;
  const [, unknown] = UNKNOWN_PLUGIN.exec(String(message)) ?? [];
  if (unknown !== undefined) return unusablePlugin(unknown, 'which mysql2 does not support');
  if (code === 'MYSQL_CLEAR_PASSWORD_NOT_ENABLED') {
    return unusablePlugin('mysql_clear_password', 'which would send the password in clear text');
  }
  return toCheckFailure(
    reasonByNumber[errno as number] ?? reasonByCode[code as string] ?? reasonOf(error, 'protocol'),
    error,
  );
}

/** Whether the user has reached its connection limit. */
export function isUserLimit({ reason, message }: CheckFailure): boolean {
  return reason === 'too-many-connections' && USER_LIMIT.test(message);
}

/** Whether the user has reached its hourly limit of new connections. */
export function isHourlyLimit({ reason, message }: CheckFailure): boolean {
  return reason === 'too-many-connections' && HOURLY_LIMIT.test(message);
}

function unusablePlugin(plugin: string, why: string): CheckFailure {
  const instead = 'use mysql_native_password or caching_sha2_password';
  return new CheckFailure('auth', `the user authenticates with ${plugin}, ${why}: ${instead}`);
}
