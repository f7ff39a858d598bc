import { isUtf8 } from 'node:buffer';
import { FrameType, type Scope } from './codes.js';
import type { Receiver } from './header.js';

/** Which checks a PING or a WATCH is about; neither key: the group of the scope. Never both. */
export interface Selection {
  /** 1 to 32 names. */
  checks?: readonly string[];
  group?: string;
}

export interface PingBody extends Selection {
  /** The oldest result that the caller accepts, in milliseconds. */
  maxAgeMs?: number;
  /** How long the caller waits, in milliseconds; 0 = what is known now. */
  timeoutMs?: number;
}

export interface WatchBody extends Selection {
  /** Default readiness. */
  scope?: Scope;
}

/** What the sender of a HELLO can send and wants to receive. What it left out stands here as its default. */
export interface Heartbeat {
  /** Least interval of its own PINGs, in milliseconds; 0 = none. Default 0. */
  canSendMs: number;
  /** Interval at which it wants to hear something, in milliseconds; 0 = never mind. Default 0. */
  wantMs: number;
  /** Intervals of silence after which it counts as dead, 1 to 255. Default 3. */
  mult: number;
}

export interface HelloBody {
  name?: string;
  token?: string;
  heartbeat: Heartbeat;
  /** Sent by a server only; in a client's HELLO it is an unknown key. */
  instance?: string;
  /** Sent by a server only: milliseconds of silence after which it closes. */
  idleTimeoutMs?: number;
}

export interface GoawayBody {
  /** How long the sender still serves, in milliseconds. */
  graceMs?: number;
  /** When to come back, in milliseconds from now. */
  reconnectAfterMs?: number;
}

export interface ErrorBody {
  message?: string;
  /** When to try again, in milliseconds from now. */
  retryAfterMs?: number;
}

/** The body of a PONG or a STATUS: `report.schema.json`. The wire does not look inside. */
export type ReportBody = Readonly<Record<string, unknown>>;

export type FrameBody = PingBody | WatchBody | HelloBody | GoawayBody | ErrorBody | ReportBody;

/** A body that is refused; the message is one sentence and repeats no text of the body. */
export class BadBody extends Error {
  override readonly name = 'BadBody';
}

type JsonObject = Readonly<Record<string, unknown>>;
/** Reads one value, or throws BadBody naming the `key`. */
type Reader<T> = (value: unknown, key: string) => T;
type Shape<T> = { readonly [K in keyof T]-?: Reader<Exclude<T[K], undefined>> };
type ClientHello = Omit<HelloBody, 'instance' | 'idleTimeoutMs'>;

const MAX_NAMES = 32;
const MAX_MILLISECONDS = 2 ** 31 - 1;
const milliseconds = integer(0, MAX_MILLISECONDS);

/** A time as a body may tell it: whole milliseconds, at most 2^31 - 1, which also stands for Infinity. */
export function wireMilliseconds(ms: number): number {
  return Math.min(Math.max(0, Math.round(ms)), MAX_MILLISECONDS);
}

const selectionShape: Shape<Selection> = { checks: names, group: text };
const pingShape: Shape<PingBody> = { ...selectionShape, maxAgeMs: milliseconds, timeoutMs: milliseconds };
const watchShape: Shape<WatchBody> = { ...selectionShape, scope: integer(0, 2) as Reader<Scope> };
const heartbeatShape: Shape<Heartbeat> = { canSendMs: milliseconds, wantMs: milliseconds, mult: integer(1, 255) };
const clientHelloShape: Shape<ClientHello> = { name: text, token: text, heartbeat };
const serverHelloShape: Shape<HelloBody> = { ...clientHelloShape, instance: text, idleTimeoutMs: milliseconds };
const goawayShape: Shape<GoawayBody> = { graceMs: milliseconds, reconnectAfterMs: milliseconds };
const errorShape: Shape<ErrorBody> = { message: text, retryAfterMs: milliseconds };

const noHeartbeat: Readonly<Heartbeat> = { canSendMs: 0, wantMs: 0, mult: 3 };

/**
 * Reads and judges the body of a frame. Keys that nobody knows are dropped. An
 * ERROR with an unreadable body is an ERROR without one: it is never answered,
 * and its code has said what matters.
 * @throws BadBody where the body is refused with ERROR 5.
 */
export function readBody(type: number, octets: Buffer, receiver: Receiver): FrameBody | undefined {
  if (type !== FrameType.ERROR) return judge(type, parse(octets), receiver);
  try {
    return known(parse(octets), errorShape);
  } catch (error) {
    if (error instanceof BadBody) return undefined;
    throw error;
  }
}

function judge(type: number, body: JsonObject, receiver: Receiver): FrameBody {
  switch (type) {
    case FrameType.PING:
      return oneSelection(known(body, pingShape));
    case FrameType.WATCH:
      return oneSelection(known(body, watchShape));
    case FrameType.HELLO: {
      const said = receiver === 'client' ? known(body, serverHelloShape) : known(body, clientHelloShape);
      return { heartbeat: { ...noHeartbeat }, ...said };
    }
    case FrameType.GOAWAY:
      return known(body, goawayShape);
    default:
      return body;
  }
}

function parse(octets: Buffer): JsonObject {
  if (!isUtf8(octets)) throw new BadBody('The body is not UTF-8; one JSON object in UTF-8 is allowed.');
  let value: unknown;
  try {
    // A byte order mark stays in the text, and JSON knows none.
    value = JSON.parse(octets.toString('utf8'));
  } catch {
    throw new BadBody('The body is not JSON; one JSON object without a byte order mark is allowed.');
  }
  return object(value, 'The body');
}

/** The values of the keys in `shape`, each judged; a key that is absent stays absent. */
function known<T extends object>(body: JsonObject, shape: Shape<T>, within = ''): Partial<T> {
  const result: Record<string, unknown> = {};
  for (const [key, read] of Object.entries<Reader<unknown>>(shape)) {
    if (Object.hasOwn(body, key)) result[key] = read(body[key], `The key ${within}${key}`);
  }
  return result as Partial<T>;
}

function oneSelection<T extends Selection>(body: T): T {
  if (body.checks === undefined || body.group === undefined) return body;
  throw new BadBody('The keys checks and group stand together; one of them is allowed.');
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

function names(value: unknown, key: string): readonly string[] {
  const allowed = `an array of 1 to ${MAX_NAMES} strings is allowed`;
  if (!Array.isArray(value)) throw new BadBody(`${key} is ${kindOf(value)}; ${allowed}.`);
  if (value.length < 1 || value.length > MAX_NAMES)
    throw new BadBody(`${key} has ${value.length} elements; ${allowed}.`);
  const wrong = value.findIndex((name) => typeof name !== 'string');
  if (wrong >= 0) throw new BadBody(`${key} has ${kindOf(value[wrong])} at index ${wrong}; ${allowed}.`);
  return value;
}

/** Integers are so by value: 1.0 is 1, and -0 is 0. */
function integer(least: number, most: number): Reader<number> {
  return (value, key) => {
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most)
      return (value as number) + 0;
    const found = typeof value === 'number' ? `${value}` : kindOf(value);
    throw new BadBody(`${key} is ${found}; an integer from ${least} to ${most} is allowed.`);
  };
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
