import { PongcheckError } from '../common/errors.js';
import { type Scope, scopes } from '../health/health.js';
import { FrameType, HOPS_SHIFT, maxBody, PingFlag, WatchFlag } from '../wire/codes.js';
import type { WatchOptions } from './watch.js';

/** Options of `Client.ping`. Times are whole milliseconds; `Infinity` is not allowed. */
export interface PingOptions {
  /**
   * `readiness` runs the checks of that group. `liveness` runs no checks. `startup` reports whether startup has finished.
   *
   * @default 'readiness'
   */
  scope?: Scope;
  /** Names of 1 to 32 checks to query. Cannot be combined with `group`. */
  checks?: readonly string[];
  /** Name of the group to query. Default: the group of the scope. */
  group?: string;
  /**
   * Requests the result of the latest run of the one check in `checks`, ignoring `critical`, `rise`, `fall` and draining.
   * Starts no run. Cannot be combined with `group`, `maxAge`, `detail` or a scope other than readiness.
   *
   * @default false
   */
  own?: boolean;
  /** Maximum age of the results, in milliseconds; 0 = only results of runs that start after this PING arrives. By default, the server decides. */
  maxAge?: number;
  /** Time after which the server replies with the last known status, in milliseconds; 0 = immediately. Default: set by the server, usually 2000. */
  timeout?: number;
  /** Time to wait for the PONG before rejecting with `PONGCHECK_TIMEOUT`, in milliseconds. Default: `timeout` (or 2000) plus 500. */
  responseTimeout?: number;
  /**
   * Whether to request the report.
   *
   * @default false
   */
  detail?: boolean;
  /**
   * Whether to close the connection after the PONG.
   *
   * @default false
   */
  close?: boolean;
  /**
   * Number of responders that this request has passed through, 0 to 15. Used by checks that query another responder.
   *
   * @default 0
   */
  hops?: number;
  /** Cancels the request, which then rejects with the abort reason. The connection stays open. */
  signal?: AbortSignal;
}

/** Options of `Client.hello`. Times are whole milliseconds; `Infinity` is not allowed. */
export interface HelloOptions {
  /** Name of this client in the logs of the server. */
  name?: string;
  /** Bearer token. Without TLS it is sent in clear text. */
  token?: string;
  /**
   * Heartbeat offer. `canSendMs` is the interval at which this client can send PINGs and `wantMs` the interval at which it
   * wants to receive them, in milliseconds; 0 = never. `mult` is the number of silent intervals after which a peer is
   * considered dead. By default, neither side sends heartbeats.
   */
  heartbeat?: { canSendMs: number; wantMs: number; mult?: number };
  /**
   * Time to wait for the HELLO of the server, in milliseconds.
   *
   * @default 2500
   */
  responseTimeout?: number;
  /** Cancels the request, which then rejects with the abort reason. The connection stays open. */
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

/** Default deadline of a server, for a PING without `timeout`. */
const SERVER_TIMEOUT_MS = 2000;
/** Time added to the deadline of the server, for the network. */
const NETWORK_MARGIN_MS = 500;
/** Time to wait for the response to a request without a timeout. */
export const RESPONSE_TIMEOUT_MS = SERVER_TIMEOUT_MS + NETWORK_MARGIN_MS;
export const MAX_HOPS = 15;
/** Maximum value of a time on the wire. */
export const MAX_WIRE_MS = 2 ** 31 - 1;

/**
 * Creates a PING from valid options. Rejects invalid combinations, because the server would close the connection
 * on receiving one.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` if both `checks` and `group` are given, `own` is combined with an option that it
 *   does not allow, or the request is too long.
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

/** Creates a WATCH from valid options. Throws the same errors as `pingRequest`. */
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

/** @param longest name of the option that can make the body too long. */
function bodyOf(type: FrameType, longest: string, content: object): { body?: Buffer } {
  if (Object.keys(content).length === 0) return {};
  const body = Buffer.from(JSON.stringify(content));
  if (body.length <= maxBody[type]) return { body };
  throw new PongcheckError(
    'PONGCHECK_CONFIG',
    `${longest} is too long: the request has ${body.length} bytes as JSON; allowed: at most ${maxBody[type]}`,
  );
}
