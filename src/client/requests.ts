import { type Scope, scopes } from '../health/health.js';
import { FrameType, HOPS_SHIFT, maxBody, PingFlag, WatchFlag } from '../wire/codes.js';
import { MAX_MS, milliseconds, wrongOption } from './options.js';
import type { WatchOptions } from './watch.js';

/** What a PING asks. Times in milliseconds. */
export interface PingOptions {
  /** `readiness` runs the checks of that group, `liveness` runs none, `startup` asks whether the start is over. Default `readiness`. */
  scope?: Scope;
  /** Names of 1 to 32 checks; not together with `group`. */
  checks?: readonly string[];
  /** The name of one group. Default: the group of the scope. */
  group?: string;
  /** The oldest result that is accepted; 0 = of a run that starts after this PING came. Default: the server's. */
  maxAge?: number;
  /** By when the server answers, with the last that it knows if need be; 0 = with what it knows now. Default: the server's, 2 s. */
  timeout?: number;
  /** How long this client waits, before PONGCHECK_TIMEOUT. Default: `timeout`, or the 2 s of a server's default, plus 500 ms for the way. */
  responseTimeout?: number;
  /** Asks for the report. Default false. */
  detail?: boolean;
  /** The last PING: the connection is closed when it is answered. Default false. */
  close?: boolean;
  /** Responders that this question came through, 0 .. 15: for a check that asks another responder. Default 0. */
  hops?: number;
  /** Gives up: rejects with the signal's reason. The connection stays. */
  signal?: AbortSignal;
}

/** How a client introduces itself. */
export interface HelloOptions {
  /** What this client calls itself in the server's logs. */
  name?: string;
  /** Shows the right to see detail, or to ask at all; without TLS whoever listens has it. Default: none. */
  token?: string;
  /** How often this client will PING, and wants to be PINGed, in milliseconds; 0 = not. Default: neither. */
  heartbeat?: { canSendMs: number; wantMs: number; mult?: number };
  /** How long to wait for the server's HELLO, in milliseconds. Default 2500. */
  responseTimeout?: number;
  /** Gives up: rejects with the signal's reason. The connection stays. */
  signal?: AbortSignal;
}

/** A frame that wants an answer, judged, without its id. */
export interface Request {
  readonly frame: { type: FrameType; flags?: number; code?: number; body?: Buffer };
  readonly answeredBy: FrameType;
  /** Milliseconds. */
  readonly responseTimeout: number;
  readonly signal: AbortSignal | undefined;
}

const SERVER_TIMEOUT = 2000;
const GRACE = 500;
const MAX_CHECKS = 32;
const MAX_HOPS = 15;

/** Judges the options here, where a wrong one hurts nobody else: the server would close the connection. Throws PONGCHECK_CONFIG. */
export function pingRequest(options: PingOptions): Request {
  const { scope = 'readiness', checks, group, detail = false, close = false, hops = 0 } = options;
  const code = scopes.indexOf(scope);
  if (code < 0) throw wrongOption('scope', scope, scopes.join(', '));
  if (checks !== undefined && group !== undefined) throw wrongOption('checks and group', 'both', 'one of them');
  if (checks !== undefined && !(Array.isArray(checks) && checks.length > 0 && checks.length <= MAX_CHECKS)) {
    throw wrongOption('checks', checks, `a list of 1 to ${MAX_CHECKS} names`);
  }
  for (const name of checks ?? []) if (typeof name !== 'string') throw wrongOption('checks', name, 'names');
  if (group !== undefined && typeof group !== 'string') throw wrongOption('group', group, 'a name');
  if (!Number.isInteger(hops) || hops < 0 || hops > MAX_HOPS) throw wrongOption('hops', hops, `0 to ${MAX_HOPS}`);
  const maxAge = milliseconds('maxAge', options.maxAge);
  const timeout = milliseconds('timeout', options.timeout);

  const asked = {
    ...(checks && { checks }),
    ...(group !== undefined && { group }),
    ...(maxAge !== undefined && { maxAgeMs: maxAge }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
  };
  const flags = (detail ? PingFlag.DETAIL : 0) | (close ? PingFlag.CLOSE : 0) | (hops << HOPS_SHIFT);
  return {
    frame: { type: FrameType.PING, flags, code, ...bodyOf(FrameType.PING, checks ? 'checks' : 'group', asked) },
    answeredBy: FrameType.PONG,
    responseTimeout: responseTimeoutOf(options.responseTimeout, timeout),
    signal: options.signal,
  };
}

/** The frame of a WATCH, without its id. Throws PONGCHECK_CONFIG. */
export function watchFrame({ scope = 'readiness', checks, group, detail = false }: WatchOptions): Request['frame'] {
  const code = scopes.indexOf(scope);
  pingRequest({ scope, ...(checks && { checks }), ...(group !== undefined && { group }) });
  const asked = { ...(checks && { checks }), ...(group !== undefined && { group }), ...(code > 0 && { scope: code }) };
  const body = bodyOf(FrameType.WATCH, checks ? 'checks' : 'group', asked);
  return { type: FrameType.WATCH, flags: detail ? WatchFlag.DETAIL : 0, ...body };
}

/** Throws PONGCHECK_CONFIG. */
export function helloRequest({ name, token, heartbeat, responseTimeout, signal }: HelloOptions): Request {
  if (name !== undefined && typeof name !== 'string') throw wrongOption('name', name, 'a text');
  if (token !== undefined && typeof token !== 'string') throw wrongOption('token', typeof token, 'a text');
  const content = {
    ...(name !== undefined && { name }),
    ...(token !== undefined && { token }),
    ...(heartbeat && { heartbeat: heartbeatOffer(heartbeat) }),
  };
  const longest = (token?.length ?? 0) > (name?.length ?? 0) ? 'token' : 'name';
  return {
    frame: { type: FrameType.HELLO, ...bodyOf(FrameType.HELLO, longest, content) },
    answeredBy: FrameType.HELLO,
    responseTimeout: responseTimeoutOf(responseTimeout),
    signal,
  };
}

function heartbeatOffer({ canSendMs, wantMs, ...more }: NonNullable<HelloOptions['heartbeat']>): object {
  return {
    ...more,
    canSendMs: milliseconds('heartbeat.canSendMs', canSendMs),
    wantMs: milliseconds('heartbeat.wantMs', wantMs),
  };
}

/** `option` is what makes the body long, if it is. */
function bodyOf(type: FrameType, option: string, content: object): { body?: Buffer } {
  if (Object.keys(content).length === 0) return {};
  const body = Buffer.from(JSON.stringify(content));
  if (body.length <= maxBody[type]) return { body };
  throw wrongOption(option, `too long: ${body.length} octets as JSON`, `${maxBody[type]} octets`);
}

/** How long to wait for an answer that the server gives within `timeout`. */
function responseTimeoutOf(given: number | undefined, timeout = SERVER_TIMEOUT): number {
  return milliseconds('responseTimeout', given) ?? Math.min(timeout + GRACE, MAX_MS);
}
