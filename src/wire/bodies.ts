import { isUtf8 } from 'node:buffer';
import { limitExceeded, MAX_DEPTH } from '../common/json-limits.js';
import { FrameType, Scope } from './codes.js';
import type { Receiver } from './header.js';

/**
 * The checks that a PING or a WATCH selects. Set at most one key; without either, the group of the scope is selected.
 */
export interface Selection {
  /** 1 to 32 names. */
  checks?: readonly string[];
  group?: string;
}

export interface PingBody extends Selection {
  /** Maximum age of the results that the caller accepts, in milliseconds. */
  maxAgeMs?: number;
  /** How long the caller waits, in milliseconds; 0 = return the latest known status. */
  timeoutMs?: number;
  /** Requests the own result of the single check in `checks` (SPEC "Own results"). Only clients send it. */
  own?: boolean;
}

/** Body of the PONG to a PING with `own`. */
export interface OwnBody {
  own: true;
  instance: string;
  /** Age of the result in milliseconds; absent if there is no result. */
  ageMs?: number;
  hasPassed: boolean;
}

export interface WatchBody extends Selection {
  /** @default readiness */
  scope?: Scope;
}

/**
 * Heartbeats that the sender of a HELLO can send and wants to receive. In a validated body, absent keys have their
 * defaults.
 */
export interface Heartbeat {
  /** Minimum interval of its own PINGs, in milliseconds; 0 = none. Default 0. */
  canSendMs: number;
  /** Interval at which it wants to receive data, in milliseconds; 0 = not needed. Default 0. */
  wantMs: number;
  /** Number of intervals without data after which it is considered dead, 1 to 255. Default 3. */
  mult: number;
}

export interface HelloBody {
  name?: string;
  token?: string;
  heartbeat: Heartbeat;
  /** Only servers send it. In a client's HELLO, it is an unknown key. */
  instance?: string;
  /** Only servers send it: the idle timeout in milliseconds. */
  idleTimeoutMs?: number;
}

export interface GoawayBody {
  /** How long the sender continues to answer, in milliseconds. */
  graceMs?: number;
  /** Minimum delay before a new connection to the same address, in milliseconds after receipt. Absent: 0. */
  reconnectAfterMs?: number;
}

export interface ErrorBody {
  message?: string;
  /** Delay before retrying, in milliseconds. */
  retryAfterMs?: number;
}

/** Body of a PONG or a STATUS (`report.schema.json`), which is not validated here. */
export type ReportBody = Readonly<Record<string, unknown>>;

export type FrameBody = PingBody | WatchBody | HelloBody | GoawayBody | ErrorBody | ReportBody;

/** An invalid body. The message contains no text from the body. */
export class BadBody extends Error {
  override readonly name = 'BadBody';
}

type JsonObject = Readonly<Record<string, unknown>>;
/** Returns the value if it is valid, otherwise throws a BadBody that names `key`. */
type Reader<T> = (value: unknown, key: string) => T;
type Shape<T> = { readonly [K in keyof T]-?: Reader<Exclude<T[K], undefined>> };
type ClientHello = Omit<HelloBody, 'instance' | 'idleTimeoutMs'>;
type ServerPing = Omit<PingBody, 'own'>;

const MAX_NAMES = 32;
const MAX_MILLISECONDS = 2 ** 31 - 1;
const milliseconds = integer(0, MAX_MILLISECONDS);

/** Converts a time for a body to whole milliseconds, at most 2^31 - 1. That maximum also represents Infinity. */
export function wireMilliseconds(ms: number): number {
  return Math.min(Math.max(0, Math.round(ms)), MAX_MILLISECONDS);
}

const selectionShape: Shape<Selection> = { checks: names, group: text };
const serverPingShape: Shape<ServerPing> = { ...selectionShape, maxAgeMs: milliseconds, timeoutMs: milliseconds };
const clientPingShape: Shape<PingBody> = { ...serverPingShape, own: boolean };
const watchShape: Shape<WatchBody> = { ...selectionShape, scope: integer(0, 2) as Reader<Scope> };
const heartbeatShape: Shape<Heartbeat> = { canSendMs: milliseconds, wantMs: milliseconds, mult: integer(1, 255) };
const clientHelloShape: Shape<ClientHello> = { name: text, token: text, heartbeat };
const serverHelloShape: Shape<HelloBody> = { ...clientHelloShape, instance: text, idleTimeoutMs: milliseconds };
const goawayShape: Shape<GoawayBody> = { graceMs: milliseconds, reconnectAfterMs: milliseconds };
const errorShape: Shape<ErrorBody> = { message: text, retryAfterMs: milliseconds };

const noHeartbeat: Readonly<Heartbeat> = { canSendMs: 0, wantMs: 0, mult: 3 };

/**
 * Parses and validates the body of a frame. Unknown keys are dropped. An ERROR with an invalid body is treated as one
 * without a body, because an ERROR is never answered and its code is sufficient.
 * @param code code in the header.
 * @throws BadBody if the body must be refused with ERROR 5.
 */
export function readBody(type: number, bytes: Buffer, receiver: Receiver, code = 0): FrameBody | undefined {
  if (type !== FrameType.ERROR) return validate(type, parse(bytes), receiver, code);
  try {
    return known(parse(bytes), errorShape);
  } catch (error) {
    if (error instanceof BadBody) return undefined;
    throw error;
  }
}

function validate(type: number, body: JsonObject, receiver: Receiver, code: number): FrameBody {
  switch (type) {
    case FrameType.PING:
      return receiver === 'client' ? oneSelection(known(body, serverPingShape)) : readPing(body, code);
    case FrameType.WATCH:
      return oneSelection(known(body, watchShape));
    case FrameType.HELLO: {
      const hello = receiver === 'client' ? known(body, serverHelloShape) : known(body, clientHelloShape);
      return { heartbeat: { ...noHeartbeat }, ...hello };
    }
    case FrameType.GOAWAY:
      return known(body, goawayShape);
    default:
      return body;
  }
}

function parse(bytes: Buffer): JsonObject {
  if (!isUtf8(bytes)) throw new BadBody('The body is not UTF-8; one JSON object in UTF-8 is allowed.');
  const limit = limitExceeded(bytes);
  if (limit !== undefined) throw new BadBody(limitMessages[limit]);
  let value: unknown;
  try {
    // `toString` keeps a byte order mark, so `JSON.parse` refuses it.
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new BadBody('The body is not JSON; one JSON object without a byte order mark is allowed.');
  }
  return object(value, 'The body');
}

const limitMessages = {
  depth: `The body is nested more than ${MAX_DEPTH} levels deep; up to ${MAX_DEPTH} levels are allowed.`,
  surrogate: 'A string in the body has half of a surrogate pair; only whole pairs are allowed.',
};

/** Returns the validated values of the keys in `shape`. Absent keys stay absent. */
function known<T extends object>(body: JsonObject, shape: Shape<T>, within = ''): Partial<T> {
  const result: Record<string, unknown> = {};
  for (const [key, read] of Object.entries<Reader<unknown>>(shape)) {
    if (Object.hasOwn(body, key)) result[key] = read(body[key], `The key ${within}${key}`);
  }
  return result as Partial<T>;
}

function readPing(body: JsonObject, scope: number): PingBody {
  const ping = oneSelection(known(body, clientPingShape));
  const { own, checks, maxAgeMs } = ping;
  if (!own || (scope === Scope.READINESS && checks?.length === 1 && maxAgeMs === undefined)) return ping;
  throw new BadBody('The key own is true; it is allowed for scope 0 (readiness) with one check, and without maxAgeMs.');
}

function oneSelection<T extends Selection>(body: T): T {
  if (body.checks === undefined || body.group === undefined) return body;
  throw new BadBody('The body has both checks and group; one of them is allowed.');
}

function heartbeat(value: unknown, key: string): Heartbeat {
  return { ...noHeartbeat, ...known(object(value, key), heartbeatShape, 'heartbeat.') };
}

function object(value: unknown, key: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new BadBody(`${key} is ${kindOf(value)}; a JSON object is allowed.`);
}

function text(value: unknown, key: string): string {
  if (typeof value === 'string') return value;
  throw new BadBody(`${key} is ${kindOf(value)}; a string is allowed.`);
}

function boolean(value: unknown, key: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new BadBody(`${key} is ${kindOf(value)}; a boolean is allowed.`);
}

function names(value: unknown, key: string): readonly string[] {
  const allowed = `an array of 1 to ${MAX_NAMES} strings is allowed`;
  if (!Array.isArray(value)) throw new BadBody(`${key} is ${kindOf(value)}; ${allowed}.`);
  if (value.length < 1 || value.length > MAX_NAMES)
    throw new BadBody(`${key} has ${value.length} elements; ${allowed}.`);
  const wrong = value.findIndex((name) => typeof name !== 'string');
  if (wrong >= 0) throw new BadBody(`${key} has ${kindOf(value[wrong])} at index ${wrong}; ${allowed}.`);
  return value;
}

/** Compares by value: 1.0 is the integer 1, and -0 is 0. */
function integer(min: number, max: number): Reader<number> {
  return (value, key) => {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return (value as number) + 0;
    const found = typeof value === 'number' ? `${value}` : kindOf(value);
    throw new BadBody(`${key} is ${found}; an integer from ${min} to ${max} is allowed.`);
  };
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
