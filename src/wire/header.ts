import {
  BARE_LENGTH,
  CRITICAL_FLAGS,
  ErrorFlag,
  FrameType,
  MAX_LENGTH,
  maxBody,
  PingFlag,
  PongFlag,
  Scope,
  VERSION,
  WatchFlag,
  WireError,
} from './codes.js';

/** The receiving side of a connection. */
export type Receiver = 'server' | 'client';

/** Why a frame is refused: the code of the ERROR to send, and a readable message. */
export interface Fault {
  readonly code: WireError;
  readonly message: string;
}

/** How a receiver handles the frames of a type. */
export const Treatment = { REFUSED: 0, VALIDATED: 1, SKIPPED: 2, WRONG_DIRECTION: 3 } as const;
type Treatment = (typeof Treatment)[keyof typeof Treatment];

/** Rules of one receiver for each of the 256 types. They are stored as tables, so that a lookup is one read. */
export interface Rules {
  readonly receiver: Receiver;
  readonly treatment: Uint8Array;
  /** Maximum body size, in bytes. */
  readonly bodyLimit: Uint32Array;
  /** Critical flags that are undefined in version 1. */
  readonly unknownFlags: Uint8Array;
}

const knownFlags: Readonly<Record<FrameType, number>> = {
  [FrameType.PING]: PingFlag.DETAIL | PingFlag.CLOSE,
  [FrameType.PONG]: PongFlag.STALE | PongFlag.TRUNCATED,
  [FrameType.WATCH]: WatchFlag.CANCEL | WatchFlag.DETAIL,
  [FrameType.STATUS]: PongFlag.TRUNCATED,
  [FrameType.HELLO]: 0,
  [FrameType.GOAWAY]: 0,
  [FrameType.ERROR]: ErrorFlag.FATAL,
};

/** First type that a receiver skips if it is unknown. */
const FIRST_SKIPPABLE = 0x80;

function rulesOf(receiver: Receiver, special: Partial<Record<FrameType, Treatment>>): Rules {
  const rules = {
    receiver,
    treatment: new Uint8Array(256).fill(Treatment.SKIPPED, FIRST_SKIPPABLE),
    bodyLimit: new Uint32Array(256),
    unknownFlags: new Uint8Array(256),
  };
  for (const type of Object.values(FrameType)) {
    rules.treatment[type] = special[type] ?? Treatment.VALIDATED;
    rules.bodyLimit[type] = maxBody[type];
    rules.unknownFlags[type] = CRITICAL_FLAGS & ~knownFlags[type];
  }
  return rules;
}

export const rulesFor: Readonly<Record<Receiver, Rules>> = {
  // PONG and ERROR are never answered, so a server does not validate them.
  server: rulesOf('server', {
    [FrameType.PONG]: Treatment.SKIPPED,
    [FrameType.ERROR]: Treatment.SKIPPED,
    [FrameType.STATUS]: Treatment.WRONG_DIRECTION,
  }),
  client: rulesOf('client', { [FrameType.WATCH]: Treatment.WRONG_DIRECTION }),
};

/**
 * Returns the fault of an invalid length, which is checked as soon as its four bytes have arrived. `length` is signed:
 * 2^31 and above are negative.
 */
export function lengthFault(length: number): Fault | undefined {
  if (length >= BARE_LENGTH && length <= MAX_LENGTH) return undefined;
  const message = `The length is ${length >>> 0}; ${BARE_LENGTH} to ${MAX_LENGTH} are allowed.`;
  return { code: length >= 0 && length < BARE_LENGTH ? WireError.PROTOCOL : WireError.TOO_LARGE, message };
}

/** The fault of a frame that exceeds the rate limit, regardless of the rest of its header. */
export const rateFault: Fault = {
  code: WireError.TOO_MANY_PINGS,
  message: 'frames per second exceed the limit of this server',
};

/** Returns the first fault of a complete header with a valid length, in the order of SPEC "Order of validation". */
export function headerFault(
  rules: Rules,
  length: number,
  version: number,
  type: number,
  flags: number,
  code: number,
  helloSeen: boolean,
): Fault | undefined {
  if (version !== VERSION) return versionFault(version);
  const treatment = rules.treatment[type];
  if (treatment === Treatment.SKIPPED) return undefined;
  if (treatment === Treatment.REFUSED) return typeFault(type);
  if (length - BARE_LENGTH > rules.bodyLimit[type]!) return bodyLimitFault(type, length - BARE_LENGTH);
  if ((flags & rules.unknownFlags[type]!) !== 0) return flagsFault(type, flags);
  if (type === FrameType.PING && code > Scope.STARTUP) return scopeFault(code);
  if (treatment === Treatment.WRONG_DIRECTION) return directionFault(type, rules.receiver);
  if (type === FrameType.HELLO && helloSeen) return secondHelloFault();
  return undefined;
}

function versionFault(version: number): Fault {
  return { code: WireError.VERSION, message: `The version is ${version}; only ${VERSION} is allowed.` };
}

function typeFault(type: number): Fault {
  const known = Object.entries(FrameType).map(([name, value]) => `${hex(value)} ${name}`);
  const message = `The type is ${hex(type)}; ${known.join(', ')} and 80 to ff are allowed.`;
  return { code: WireError.UNKNOWN_TYPE, message };
}

function bodyLimitFault(type: number, bytes: number): Fault {
  const message = `The body of the ${nameOf(type)} has ${bytes} bytes; at most ${maxBody[type as FrameType]} are allowed.`;
  return { code: WireError.TOO_LARGE, message };
}

function flagsFault(type: number, flags: number): Fault {
  const critical = hex(flags & CRITICAL_FLAGS);
  const message = `The critical flags of the ${nameOf(type)} are ${critical}; bits of ${hex(knownFlags[type as FrameType])} are allowed.`;
  return { code: WireError.PROTOCOL, message };
}

function scopeFault(scope: number): Fault {
  const message = `The scope is ${scope}; 0 readiness, 1 liveness and 2 startup are allowed.`;
  return { code: WireError.PROTOCOL, message };
}

function directionFault(type: number, receiver: Receiver): Fault {
  const sender: Receiver = receiver === 'server' ? 'client' : 'server';
  const message = `A ${nameOf(type)} was sent by the ${sender}; only the ${receiver} is allowed to send it.`;
  return { code: WireError.PROTOCOL, message };
}

function secondHelloFault(): Fault {
  return { code: WireError.PROTOCOL, message: 'A second HELLO was received; one per connection is allowed.' };
}

/** Returns the fault of a frame that a server may send only to a client that has sent HELLO. */
export function unaskedFault(type: number): Fault | undefined {
  if (type !== FrameType.PING && type !== FrameType.GOAWAY && type !== FrameType.HELLO) return undefined;
  const message = `A ${nameOf(type)} was sent by the server before the HELLO of the client; it is allowed after that.`;
  return { code: WireError.PROTOCOL, message };
}

function nameOf(type: number): string {
  return Object.entries(FrameType).find(([, value]) => value === type)?.[0] ?? hex(type);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
