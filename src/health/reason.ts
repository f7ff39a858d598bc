/** Reasons for a state other than pass. The list is closed, because it is a metric label and part of the protocol. */
export const reasons = {
  timeout: 'No answer within the timeout of the check.',
  refused: 'Connection refused: nothing listens at the address.',
  reset: 'The connection was closed or reset before the answer was complete.',
  unreachable: 'No route to the host or network.',
  dns: 'The host name could not be resolved.',
  tls: 'The TLS handshake or the certificate verification failed.',
  auth: 'Authentication is required, or the credentials were rejected.',
  protocol: 'The answer does not follow the expected protocol.',
  'too-many-connections': 'The dependency accepts no more connections.',
  'host-blocked': 'The dependency has blocked this host.',
  'read-only': 'The dependency does not accept writes.',
  role: 'The dependency does not have the required role, such as a replica instead of the primary.',
  lag: 'The replica is too far behind its primary, or its lag could not be read.',
  loading: 'The dependency is still loading its data.',
  'master-down': 'The replica has lost its primary.',
  'cluster-down': 'The cluster is down, or does not serve all of its data.',
  'out-of-memory': 'The dependency has no memory left for writes.',
  'bad-status': 'The HTTP status code is not allowed.',
  'bad-body': 'The body or a header of the answer is not as expected.',
  'pool-exhausted':
    'The connection pool of the application provided no connection in time, or its client did not answer.',
  threshold: 'A measured value is outside its limit.',
  dependency: 'Another responder does not pass.',
  loop: 'Another responder does not pass, and its only cause is this one.',
  'never-ran': 'The check has no result yet, or none recent enough to count.',
  internal: 'The check itself failed.',
  'fd-exhausted': 'This process has no file descriptors left.',
  'loop-blocked': 'The event loop of the service is blocked.',
  custom: 'Reported by a custom check.',
} as const;
export type Reason = keyof typeof reasons;

/** Thrown by a check that knows the reason of its failure. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure';
  readonly reason: Reason;
  /**
   * `warn` if the dependency works in a degraded way, `unknown` if the state could not be determined. Default: `fail`;
   * `unknown` for `fd-exhausted`.
   */
  readonly status: 'warn' | 'fail' | 'unknown';

  constructor(reason: Reason, message: string, options?: ErrorOptions & { status?: 'warn' | 'fail' | 'unknown' }) {
    super(message, options);
    this.reason = reason;
    this.status = options?.status ?? (reason === 'fd-exhausted' ? 'unknown' : 'fail');
  }
}

/** Error codes for exhausted resources of this process or its host. They say nothing about the dependency. */
const ownShortages: Readonly<Record<string, Reason>> = {
  EMFILE: 'fd-exhausted',
  ENFILE: 'fd-exhausted',
  ENOBUFS: 'internal',
  ENOMEM: 'internal',
};
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;

/** Error codes of Node, its DNS resolver, its TLS implementation and its `fetch`. */
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
  EREFUSED: 'dns',
  EBADNAME: 'dns',
  EBADRESP: 'protocol',
  EFORMERR: 'protocol',
  ENOTIMP: 'protocol',
  ETIMEDOUT: 'timeout',
  ETIMEOUT: 'timeout',
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
  // An error of this package's client. Its cause may be a reset by a server without TLS.
  PONGCHECK_TLS: 'tls',
};

const failureStates: readonly string[] = ['warn', 'fail', 'unknown'] satisfies CheckFailure['status'][];

/** Prefixes of the many TLS error codes. */
const tlsCode = /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_)/;

/** Limits for following `cause`, and for reading the members of an AggregateError. */
const MAX_DEPTH = 5;
const MAX_MEMBERS = 8;

/**
 * Derives the reason from any thrown value: the reason of a `CheckFailure`, the meaning of an error code, or that of an
 * inner error (`cause`, members of an AggregateError). Otherwise returns `otherwise`. Never throws, even if reading the
 * error throws.
 */
export function reasonOf(error: unknown, otherwise: Reason = 'internal'): Reason {
  try {
    return shortageOf(error, MAX_DEPTH) ?? knownReason(error, MAX_DEPTH) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Whether a value is one of `reasons`. */
export function isReason(value: unknown): value is Reason {
  return typeof value === 'string' && Object.hasOwn(reasons, value);
}

/**
 * Returns the state of a check that threw this value: that of a `CheckFailure`, `unknown` if this process has exhausted
 * a resource, otherwise `fail`.
 */
export function statusOf(error: unknown): CheckFailure['status'] {
  try {
    if (error instanceof CheckFailure) return failureStates.includes(error.status) ? error.status : 'fail';
    return shortageOf(error, MAX_DEPTH) === undefined ? 'fail' : 'unknown';
  } catch {
    // For example a revoked Proxy.
    return 'fail';
  }
}

function shortageOf(error: unknown, depth: number): Reason | undefined {
  if (typeof error !== 'object' || error === null || error instanceof CheckFailure || depth === 0) return undefined;
  const { code, syscall, address, errors, cause } = error as Record<string, unknown>;
  if (typeof code === 'string' && Object.hasOwn(ownShortages, code)) return ownShortages[code];
  // All local ports toward that address are in use. With IPv6, it may also mean that this host has no IPv6 address.
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
  // There is one error per address of the name. A missing route is the least informative one, because often there is
  // simply no IPv6.
  if (Array.isArray(errors)) {
    const members = errors
      .slice(0, MAX_MEMBERS)
      .map((member) => knownReason(member, depth - 1))
      .filter((reason) => reason !== undefined);
    const mostSpecific = members.find((reason) => reason !== 'unreachable') ?? members[0];
    if (mostSpecific) return mostSpecific;
  }
  if (typeof code === 'string') {
    if (Object.hasOwn(reasonByCode, code)) return reasonByCode[code];
    if (tlsCode.test(code)) return 'tls';
    // The Unix socket does not exist.
    if (code === 'ENOENT' && syscall === 'connect') return 'refused';
  }
  if (name === 'AbortError' || name === 'TimeoutError') return 'timeout';
  return knownReason(cause, depth - 1);
}

/** Wraps any thrown value in a CheckFailure with a known reason and the original message. */
export function toCheckFailure(reason: Reason, error: unknown): CheckFailure {
  if (error instanceof CheckFailure) return error;
  return new CheckFailure(reason, messageOf(error), { status: statusOf(error) });
}

/** The message of an error, or of its first member, because an AggregateError often has no message. */
function messageOf(error: unknown): string {
  const { message, errors, code } = (error ?? {}) as Record<string, unknown>;
  if (typeof message === 'string' && message !== '') return message;
  if (Array.isArray(errors) && errors.length > 0) return messageOf(errors[0]);
  return String(code ?? error);
}
