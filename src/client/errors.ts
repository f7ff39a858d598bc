import { PongcheckError } from '../common/errors.js';
import { printable } from '../common/printable.js';
import { type Address, hostAndPort } from '../net/address.js';
import type { ErrorBody } from '../wire/bodies.js';
import { WireError } from '../wire/codes.js';
import { namesOf } from './responses.js';
import { tlsFailure } from './tls.js';

/** Reason for which a connection was closed. */
export type CloseReason =
  | 'closed-by-application'
  | 'answered'
  | 'server-closed'
  | 'server-reset'
  | 'timed-out'
  | 'dead'
  | 'network'
  | 'tls'
  | 'refused'
  | 'protocol-error';

/** A received ERROR frame. */
export interface WireRefusal {
  readonly code: number;
  /** Name of the code, such as `too-many-pings`; `unknown` if this version does not know the code. */
  readonly name: string;
  /** Message from the server, truncated, with control characters and line breaks escaped; '' if there is none. */
  readonly message: string;
  /** Suggested delay before the next attempt, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** `PONGCHECK_REFUSED`: the server responded with the ERROR frame in `wire`. */
export class RefusedError extends PongcheckError {
  readonly wire: WireRefusal;

  constructor(address: Address, code: number, body: ErrorBody | undefined) {
    const name = wireErrorNames.get(code) ?? 'unknown';
    const message = printable(body?.message ?? '');
    super('PONGCHECK_REFUSED', `${hostAndPort(address)} answered ERROR ${code} ${name}${message && `: ${message}`}`);
    this.wire = {
      code,
      name,
      message,
      ...(body?.retryAfterMs !== undefined && { retryAfterMs: body.retryAfterMs }),
    };
  }
}

const wireErrorNames = namesOf(WireError);

/** Converts an error of `node:net` to PONGCHECK_CONNECT, PONGCHECK_TLS, or PONGCHECK_TIMEOUT (ETIMEDOUT). */
export function connectFailure(address: Address, cause: Error): PongcheckError {
  const where = hostAndPort(address);
  const overTls = address.kind === 'tls' ? tlsFailure(address, cause, false) : undefined;
  if (overTls) return overTls;
  const code = codeOf(cause);
  if (code === 'ETIMEDOUT')
    return new PongcheckError('PONGCHECK_TIMEOUT', `${where} did not accept the connection in time`, { cause });
  const description = connectErrors[code] ?? `could not be reached (${code})`;
  return new PongcheckError('PONGCHECK_CONNECT', `${where} ${description}`, { cause });
}

const connectErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection: nothing is listening there',
  ECONNRESET: 'reset the connection before it was established',
  ENOTFOUND: 'could not be resolved: unknown host name',
  EAI_AGAIN: 'could not be resolved: the DNS server did not answer',
  EHOSTUNREACH: 'could not be reached: no route to the host',
  ENETUNREACH: 'could not be reached: no route to the network',
  EADDRNOTAVAIL: 'could not be reached: no local address or port is available',
  EACCES: 'could not be reached: permission denied on this machine',
  EPERM: 'could not be reached: permission denied on this machine',
  EMFILE: 'could not be reached: this process has too many open files',
  ENFILE: 'could not be reached: this machine has too many open files',
};

/** If several attempts failed, a refused connection is more informative than an unsupported address family. */
function codeOf(cause: NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] }): string {
  const codes = (cause.errors ?? [cause]).map(({ code }) => code ?? 'no error code');
  return codes.includes('ECONNREFUSED') ? 'ECONNREFUSED' : (codes[0] as string);
}

/** Creates a PONGCHECK_TIMEOUT error: the peer did not do `what` within `ms`. */
export function timeoutFailure(address: Address, what: string, ms: number): PongcheckError {
  return new PongcheckError('PONGCHECK_TIMEOUT', `${hostAndPort(address)} did not ${what} within ${seconds(ms)}`);
}

/** Creates a PONGCHECK_CLOSED error. `how` describes how the connection ended. */
export function closedFailure(address: Address, how: string): PongcheckError {
  return new PongcheckError('PONGCHECK_CLOSED', `The connection to ${hostAndPort(address)} ${how}`);
}

/** Creates a PONGCHECK_BUSY error. `why` states which limit was reached. */
export function busyFailure(address: Address, why: string): PongcheckError {
  return new PongcheckError('PONGCHECK_BUSY', `${hostAndPort(address)} ${why}`);
}

/** Creates a PONGCHECK_PROTOCOL error. `description` states how the peer violated the protocol. */
export function protocolFailure(address: Address, description: string): PongcheckError {
  const message = `${hostAndPort(address)} sent invalid data: ${description}`;
  return new PongcheckError('PONGCHECK_PROTOCOL', message);
}

/** Converts the error of an established socket to PONGCHECK_CLOSED or PONGCHECK_TLS, with the close reason. */
export function lossOf(address: Address, cause: NodeJS.ErrnoException): { reason: CloseReason; error: PongcheckError } {
  const where = hostAndPort(address);
  const closed = (reason: CloseReason, description: string) => ({
    reason,
    error: new PongcheckError('PONGCHECK_CLOSED', description, { cause }),
  });
  const overTls = address.kind === 'tls' ? tlsFailure(address, cause, true) : undefined;
  if (overTls) return { reason: 'tls', error: overTls };
  if (cause.code === 'ECONNRESET' || cause.code === 'EPIPE') {
    return closed('server-reset', `${where} reset the connection`);
  }
  if (cause.code === 'ETIMEDOUT') return closed('timed-out', `${where} is no longer reachable`);
  return closed('network', `The connection to ${where} was lost (${cause.code})`);
}

/** Formats milliseconds as seconds: 800 becomes `0.8 s`. */
function seconds(ms: number): string {
  return `${Number((ms / 1000).toPrecision(2))} s`;
}
