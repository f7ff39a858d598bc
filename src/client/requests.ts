import { PongcheckError } from '../common/errors.js';
import { type Scope, scopes } from '../health/health.js';
import { FrameType, HOPS_SHIFT, maxBody, PingFlag, WatchFlag } from '../wire/codes.js';
import type { WatchOptions } from './watch.js';

/** Options of `Client.ping`. Times are whole milliseconds; `Infinity` is refused. */
export interface PingOptions {
  /**
   * `readiness` runs the checks of that group, `liveness` runs none, `startup` asks whether the startup has finished.
   *
   * @default 'readiness'
   */
  scope?: Scope;
  /** Names of the checks to ask for, 1 to 32. Excludes `group`. */
  checks?: readonly string[];
  /** Name of the group to ask for. By default the group of the scope. */
  group?: string;
  /**
   * Asks for the result of the latest run of the one check in `checks`, without `critical`, `rise`, `fall` and draining.
   * Starts no run. Excludes `group`, `maxAge`, `detail` and a scope other than readiness.
   *
   * @default false
   */
  own?: boolean;
  /** Maximum age of the results in milliseconds; 0 = only results of runs that start after this PING arrived. By default the server decides. */
  maxAge?: number;
  /** Time in milliseconds after which the server answers with the last known status; 0 = immediately. By default the server decides (2000). */
  timeout?: number;
  /** Time in milliseconds to wait for the PONG before `PONGCHECK_TIMEOUT`. By default `timeout` (or 2000) plus 500. */
  responseTimeout?: number;
  /**
   * Requests the report.
   *
   * @default false
   */
  detail?: boolean;
  /**
   * Closes the connection after the PONG.
   *
   * @default false
   */
  close?: boolean;
  /**
   * Number of responders that this request has passed through, 0 to 15. For checks that query another responder.
   *
   * @default 0
   */
  hops?: number;
  /** Cancels the request, which rejects with the reason of the signal. The connection stays open. */
  signal?: AbortSignal;
}

/** Options of `Client.hello`. Times are whole milliseconds; `Infinity` is refused. */
export interface HelloOptions {
  /** Name of this client in the logs of the server. */
  name?: string;
  /** Bearer token. Without TLS it is sent in clear text. */
  token?: string;
  /**
   * Interval in milliseconds at which this client can send PINGs, and at which it wants to receive them; 0 = never.
   * `mult`: silent intervals after which a side is considered dead. By default neither side sends heartbeats.
   */
  heartbeat?: { canSendMs: number; wantMs: number; mult?: number };
  /**
   * Time in milliseconds to wait for the HELLO of the server.
   *
   * @default 2500
   */
  responseTimeout?: number;
  /** Cancels the request, which rejects with the reason of the signal. The connection stays open. */
  signal?: AbortSignal;
}

/** A frame that expects an answer, without its id. */
export interface Request {
  readonly frame: { type: FrameType; flags?: number; code?: number; body?: Buffer };
  readonly answeredBy: FrameType;
  /** In milliseconds. */
  readonly responseTimeout: number;
  readonly signal: AbortSignal | undefined;
}

/** A server's deadline for a PING without `timeout`, in milliseconds. */
const SERVER_TIMEOUT_MS = 2000;
/** Time for the network in addition to the server's deadline, in milliseconds. */
const NETWORK_MARGIN_MS = 500;
/** Time to wait for the answer to a request without `timeout`, in milliseconds. */
export const RESPONSE_TIMEOUT_MS = SERVER_TIMEOUT_MS + NETWORK_MARGIN_MS;
export const MAX_HOPS = 15;
/** Maximum value of a time on the wire. */
export const MAX_WIRE_MS = 2 ** 31 - 1;

/**
 * Creates a PING from valid options. Invalid combinations are refused here, because the server would close the
 * connection because of them.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` if both `checks` and `group` are given, if `own` is given with an option
 * that it excludes, or if the request is too long.
 */
export function pingRequest(options: PingOptions): Request {
  const { scope = 'readiness', maxAge, timeout, detail = false, close = false, hops = 0 } = options;
  const { responseTimeout = (timeout ?? SERVER_TIMEOUT_MS) + NETWORK_MARGIN_MS } = options;
  const content = {
    ...selectionOf(options),
    ...ownOf(options),
    ...(maxAge !== undefined && { maxAgeMs: maxAge }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
  };
  const flags = (detail ? PingFlag.DETAIL : 0) | (close ? PingFlag.CLOSE : 0) | (hops << HOPS_SHIFT);
  return {
    frame: {
      type: FrameType.PING,
      flags,
      code: scopes.indexOf(scope),
      ...bodyOf(FrameType.PING, options.checks ? 'checks' : 'group', content),
    },
    answeredBy: FrameType.PONG,
    responseTimeout,
    signal: options.signal,
  };
}

/** Creates a WATCH from valid options. Throws like `pingRequest`. */
export function watchFrame(options: WatchOptions): Request['frame'] {
  const { scope = 'readiness', detail = false } = options;
  const code = scopes.indexOf(scope);
  const content = { ...selectionOf(options), ...(code > 0 && { scope: code }) };
  return {
    type: FrameType.WATCH,
    flags: detail ? WatchFlag.DETAIL : 0,
    ...bodyOf(FrameType.WATCH, options.checks ? 'checks' : 'group', content),
  };
}

/** Creates a HELLO from valid options. Throws `PONGCHECK_CONFIG` if it is too long. */
export function helloRequest({ name, token, heartbeat, responseTimeout, signal }: HelloOptions): Request {
  const content = {
    ...(name !== undefined && { name }),
    ...(token !== undefined && { token }),
    ...(heartbeat && { heartbeat }),
  };
  const longest = (token?.length ?? 0) > (name?.length ?? 0) ? 'token' : 'name';
  return {
    frame: { type: FrameType.HELLO, ...bodyOf(FrameType.HELLO, longest, content) },
    answeredBy: FrameType.HELLO,
    responseTimeout: responseTimeout ?? RESPONSE_TIMEOUT_MS,
    signal,
  };
}

function selectionOf({ checks, group }: Pick<PingOptions, 'checks' | 'group'>): { checks?: unknown; group?: string } {
  if (checks !== undefined && group !== undefined)
    throw new PongcheckError('PONGCHECK_CONFIG', 'checks and group are both given; allowed: one of them');
  return { ...(checks && { checks }), ...(group !== undefined && { group }) };
}

function ownOf({ own, checks, maxAge, detail, scope = 'readiness' }: PingOptions): { own?: true } {
  if (!own) return {};
  if (checks?.length === 1 && maxAge === undefined && !detail && scope === 'readiness') return { own };
  throw new PongcheckError(
    'PONGCHECK_CONFIG',
    'own is true; allowed: with one name in checks and the scope readiness, and without group, maxAge and detail',
  );
}

/** @param longest option that makes the body long. */
function bodyOf(type: FrameType, longest: string, content: object): { body?: Buffer } {
  if (Object.keys(content).length === 0) return {};
  const body = Buffer.from(JSON.stringify(content));
  if (body.length <= maxBody[type]) return { body };
  throw new PongcheckError(
    'PONGCHECK_CONFIG',
    `${longest} is too long: the request has ${body.length} bytes as JSON; allowed: at most ${maxBody[type]}`,
  );
}
