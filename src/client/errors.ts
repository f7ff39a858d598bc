import { PongcheckError } from '../common/errors.js';
import { type Address, hostAndPort } from '../net/address.js';
import type { ErrorBody } from '../wire/bodies.js';
import { WireError } from '../wire/codes.js';
import { tlsFailure } from './tls.js';
import { wordsOf } from './words.js';

/** Why a connection ended: a closed list. */
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

/** An ERROR frame as it came. */
export interface WireRefusal {
  readonly code: number;
  /** The code in words, such as `too-many-pings`; `unknown` for one that this version does not know. */
  readonly name: string;
  /** The server's sentence, without control characters and cut; '' where it said none. */
  readonly message: string;
  /** When it may be worth another try, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** PONGCHECK_REFUSED: the server answered with an ERROR frame, which is `wire`. */
export class RefusedError extends PongcheckError {
  readonly wire: WireRefusal;

  constructor(address: Address, code: number, body: ErrorBody | undefined) {
    const name = wireErrorNames.get(code) ?? 'unknown';
    const message = clean(body?.message ?? '');
    super('PONGCHECK_REFUSED', `${hostAndPort(address)} answered ERROR ${code} ${name}${message && `: ${message}`}`);
    this.wire = {
      code,
      name,
      message,
      ...(body?.retryAfterMs !== undefined && { retryAfterMs: body.retryAfterMs }),
    };
  }
}

const wireErrorNames = wordsOf(WireError);

/** PONGCHECK_CONNECT, PONGCHECK_TLS, or PONGCHECK_TIMEOUT where the network gave up waiting, from what `node:net` says. */
export function connectFailure(address: Address, cause: Error): PongcheckError {
  const where = hostAndPort(address);
  const overTls = address.kind === 'tls' ? tlsFailure(address, cause, false) : undefined;
  if (overTls) return overTls;
  const code = codeOf(cause);
  if (code === 'ETIMEDOUT')
    return new PongcheckError('PONGCHECK_TIMEOUT', `${where} did not accept the connection in time`, { cause });
  const description = connectSentences[code] ?? `could not be reached (${code})`;
  return new PongcheckError('PONGCHECK_CONNECT', `${where} ${description}`, { cause });
}

const connectSentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection: nothing listens there',
  ECONNRESET: 'reset the connection before it stood',
  ENOTFOUND: 'could not be found: the name is not known',
  EAI_AGAIN: 'could not be found: the name service did not answer',
  EHOSTUNREACH: 'could not be reached: no way to the host',
  ENETUNREACH: 'could not be reached: no way to the network',
  EADDRNOTAVAIL: 'could not be reached: this machine has no address or no free port for it',
  EACCES: 'could not be reached: this machine does not permit it',
  EPERM: 'could not be reached: this machine does not permit it',
  EMFILE: 'could not be reached: this process has too many open files',
  ENFILE: 'could not be reached: this machine has too many open files',
};

/** Of several attempts the one that met somebody says most: a refusal outweighs a family that does not exist here. */
function codeOf(cause: NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] }): string {
  const codes = (cause.errors ?? [cause]).map(({ code }) => code ?? 'no code');
  return codes.includes('ECONNREFUSED') ? 'ECONNREFUSED' : (codes[0] as string);
}

/** PONGCHECK_TIMEOUT: `what` was not answered within `ms`. */
export function timeoutFailure(address: Address, what: string, ms: number): PongcheckError {
  return new PongcheckError('PONGCHECK_TIMEOUT', `${hostAndPort(address)} did not ${what} within ${seconds(ms)}`);
}

/** PONGCHECK_CLOSED: how the connection ended. */
export function closedFailure(address: Address, how: string): PongcheckError {
  return new PongcheckError('PONGCHECK_CLOSED', `The connection to ${hostAndPort(address)} ${how}`);
}

/** PONGCHECK_BUSY: which bound is reached. */
export function busyFailure(address: Address, why: string): PongcheckError {
  return new PongcheckError('PONGCHECK_BUSY', `${hostAndPort(address)} ${why}`);
}

/** PONGCHECK_PROTOCOL: what the peer did wrong. */
export function protocolFailure(address: Address, description: string): PongcheckError {
  const message = `${hostAndPort(address)} sent what the protocol does not allow: ${description}`;
  return new PongcheckError('PONGCHECK_PROTOCOL', message);
}

/** PONGCHECK_CLOSED or PONGCHECK_TLS from the error that a socket ended with, and the reason in one word. */
export function lossOf(address: Address, cause: NodeJS.ErrnoException): { reason: CloseReason; error: PongcheckError } {
  const where = hostAndPort(address);
  const lost = (reason: CloseReason, description: string) => ({
    reason,
    error: new PongcheckError('PONGCHECK_CLOSED', description, { cause }),
  });
  const overTls = address.kind === 'tls' ? tlsFailure(address, cause, true) : undefined;
  if (overTls) return { reason: 'tls', error: overTls };
  if (cause.code === 'ECONNRESET' || cause.code === 'EPIPE') {
    return lost('server-reset', `${where} reset the connection`);
  }
  if (cause.code === 'ETIMEDOUT') return lost('timed-out', `${where} is not reachable any more`);
  return lost('network', `The connection to ${where} was lost (${cause.code})`);
}

/** `800` is `0.8 s`. */
function seconds(ms: number): string {
  return `${Number((ms / 1000).toPrecision(2))} s`;
}

/** A peer's sentence goes to terminals and logs: no control characters, no endless text. */
function clean(text: string): string {
  return text.replace(/\p{C}/gu, '?').slice(0, 200);
}
