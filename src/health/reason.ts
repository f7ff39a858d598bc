/** Why a check is not well: a closed list, because it is a metric label and a contract. */
export const reasons = {
  timeout: 'No answer within the check’s timeout.',
  refused: 'The connection was refused: nothing listens there.',
  reset: 'The connection was closed or reset in the middle.',
  unreachable: 'No route to the host or network.',
  dns: 'The name could not be resolved.',
  tls: 'The TLS handshake or the certificate failed.',
  auth: 'The credentials were refused or are wanted.',
  protocol: 'The answer was not of the expected protocol.',
  'too-many-connections': 'The dependency has no connection left for a newcomer.',
  'host-blocked': 'The dependency has blocked this host.',
  'read-only': 'The dependency takes no writes.',
  role: 'The dependency is not in the wanted role (a replica, not the primary).',
  lag: 'A replica is too far behind, or how far could not be read.',
  loading: 'The dependency is still loading its data.',
  'master-down': 'A replica has lost its primary.',
  'cluster-down': 'The cluster of the dependency is down, or does not serve all of its data.',
  'out-of-memory': 'The dependency has no memory left for writes.',
  'bad-status': 'The status of an HTTP answer is not an allowed one.',
  'bad-body': 'The body or a header of the answer is not as expected.',
  'pool-exhausted': 'The application’s own pool gives no connection in time, or its client no answer.',
  threshold: 'A measured value is beyond its limit.',
  dependency: 'Another responder is not well and named no cause.',
  loop: 'Another responder is not well only because of this one.',
  'never-ran': 'The check has no result yet, or none that is recent enough to count.',
  internal: 'The check itself broke.',
  'fd-exhausted': 'The service itself has no file descriptor left.',
  custom: 'A check of the user’s own said so.',
} as const;
export type Reason = keyof typeof reasons;

/** What a check throws that knows why it is not well. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure';
  readonly reason: Reason;
  /** `warn` for what is not well but works; `unknown` for what could not be found out. Default `fail`, of `fd-exhausted` `unknown`. */
  readonly status: 'warn' | 'fail' | 'unknown';

  constructor(reason: Reason, message: string, options?: ErrorOptions & { status?: 'warn' | 'fail' | 'unknown' }) {
    super(message, options);
    this.reason = reason;
    this.status = options?.status ?? (reason === 'fd-exhausted' ? 'unknown' : 'fail');
  }
}

/** Codes for what this process or its machine has run out of. They tell nothing about the dependency. */
const ownShortages: Readonly<Record<string, Reason>> = {
  EMFILE: 'fd-exhausted',
  ENFILE: 'fd-exhausted',
  ENOBUFS: 'internal',
  ENOMEM: 'internal',
};
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;

/** Codes of errors that Node, its DNS resolver, its TLS and its `fetch` throw. */
const reasonByCode: Readonly<Record<string, Reason>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  ENOTCONN: 'reset',
  ERR_STREAM_PREMATURE_CLOSE: 'reset',
  UND_ERR_SOCKET: 'reset',
  EHOSTUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  ENODATA: 'dns',
  ESERVFAIL: 'dns',
  ETIMEDOUT: 'timeout',
  ERR_SOCKET_CONNECTION_TIMEOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  ABORT_ERR: 'timeout',
  EPROTO: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  HOSTNAME_MISMATCH: 'tls',
  INVALID_CA: 'tls',
  INVALID_PURPOSE: 'tls',
};

const failureStates: readonly string[] = ['warn', 'fail', 'unknown'] satisfies CheckFailure['status'][];

/** Families of TLS codes that are too many to list. */
const tlsCode = /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_)/;

/** An error may wrap another that says why; a chain longer than this says nothing more, nor do more members of one. */
const MAX_DEPTH = 5;
const MAX_MEMBERS = 8;

/**
 * Why this was thrown, from the closed list: what a `CheckFailure` says, what
 * a code of Node means, what the errors behind it (`cause`, the members of an
 * AggregateError) mean, and `otherwise` for all else, also for what throws when it is read.
 */
export function reasonOf(error: unknown, otherwise: Reason = 'internal'): Reason {
  try {
    return shortageOf(error, MAX_DEPTH) ?? knownReason(error, MAX_DEPTH) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Whether it is in the list. */
export function isReason(value: unknown): value is Reason {
  return typeof value === 'string' && Object.hasOwn(reasons, value);
}

/** The state of a check that threw this: fail, unless a `CheckFailure` says otherwise, or this process has run out of something. */
export function statusOf(error: unknown): CheckFailure['status'] {
  try {
    if (error instanceof CheckFailure) return failureStates.includes(error.status) ? error.status : 'fail';
    return shortageOf(error, MAX_DEPTH) === undefined ? 'fail' : 'unknown';
  } catch {
    // Such as a Proxy that was revoked.
    return 'fail';
  }
}

function shortageOf(error: unknown, depth: number): Reason | undefined {
  if (typeof error !== 'object' || error === null || error instanceof CheckFailure || depth === 0) return undefined;
  const { code, syscall, address, errors, cause } = error as Record<string, unknown>;
  if (typeof code === 'string' && Object.hasOwn(ownShortages, code)) return ownShortages[code];
  // Every port of its own towards that address is in use. Of IPv6 it may also mean that this machine has no address.
  if (code === 'EADDRNOTAVAIL' && syscall === 'connect' && IPV4.test(String(address))) return 'internal';
  for (const inner of [...(Array.isArray(errors) ? errors.slice(0, MAX_MEMBERS) : []), cause]) {
    const shortage = shortageOf(inner, depth - 1);
    if (shortage) return shortage;
  }
  return undefined;
}

function knownReason(error: unknown, depth: number): Reason | undefined {
  if (typeof error !== 'object' || error === null || depth === 0) return undefined;
  if (error instanceof CheckFailure) return isReason(error.reason) ? error.reason : undefined;
  const { name, code, syscall, errors, cause } = error as Record<string, unknown>;
  // Each address of a name was tried and failed by itself; a route that is missing says least (often there is no IPv6).
  if (Array.isArray(errors)) {
    const members = errors
      .slice(0, MAX_MEMBERS)
      .map((member) => knownReason(member, depth - 1))
      .filter((reason) => reason !== undefined);
    const telling = members.find((reason) => reason !== 'unreachable') ?? members[0];
    if (telling) return telling;
  }
  if (typeof code === 'string') {
    if (Object.hasOwn(reasonByCode, code)) return reasonByCode[code];
    if (tlsCode.test(code)) return 'tls';
    // A Unix socket whose file is not there.
    if (code === 'ENOENT' && syscall === 'connect') return 'refused';
  }
  if (name === 'AbortError' || name === 'TimeoutError') return 'timeout';
  return knownReason(cause, depth - 1);
}

/** What was thrown as the failure of a check, for a reason that is known. Says again what the error said. */
export function toCheckFailure(reason: Reason, error: unknown): CheckFailure {
  if (error instanceof CheckFailure) return error;
  return new CheckFailure(reason, messageOf(error), { status: statusOf(error) });
}

/** The message of an error; one of several addresses that were tried often has none of its own. */
function messageOf(error: unknown): string {
  const { message, errors, code } = (error ?? {}) as Record<string, unknown>;
  if (typeof message === 'string' && message !== '') return message;
  if (Array.isArray(errors) && errors.length > 0) return messageOf(errors[0]);
  return String(code ?? error);
}
