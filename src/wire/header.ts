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

/** Which end of a connection reads. */
export type Receiver = 'server' | 'client';

/** Why a frame is refused: the code of the ERROR that answers it, and one sentence for people. */
export interface Fault {
  readonly code: WireError;
  readonly message: string;
}

/** What a receiver does with the frames of a type. */
export const Treatment = { REFUSED: 0, JUDGED: 1, SKIPPED: 2, OUT_OF_PLACE: 3 } as const;
type Treatment = (typeof Treatment)[keyof typeof Treatment];

/** What one receiver knows of each of the 256 types, as tables so that a lookup is one read. */
export interface Rules {
  readonly receiver: Receiver;
  readonly treatment: Uint8Array;
  /** The largest body, in octets. */
  readonly bodyLimit: Uint32Array;
  /** Critical flags that version 1 gives no meaning. */
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

/** Types from here on are skipped whole by who does not know them. */
const FIRST_SKIPPABLE = 0x80;

function rulesOf(receiver: Receiver, special: Partial<Record<FrameType, Treatment>>): Rules {
  const rules = {
    receiver,
    treatment: new Uint8Array(256).fill(Treatment.SKIPPED, FIRST_SKIPPABLE),
    bodyLimit: new Uint32Array(256),
    unknownFlags: new Uint8Array(256),
  };
  for (const type of Object.values(FrameType)) {
    rules.treatment[type] = special[type] ?? Treatment.JUDGED;
    rules.bodyLimit[type] = maxBody[type];
    rules.unknownFlags[type] = CRITICAL_FLAGS & ~knownFlags[type];
  }
  return rules;
}

export const rulesFor: Readonly<Record<Receiver, Rules>> = {
  // PONG and ERROR are never answered, so there is nothing in them to judge.
  server: rulesOf('server', {
    [FrameType.PONG]: Treatment.SKIPPED,
    [FrameType.ERROR]: Treatment.SKIPPED,
    [FrameType.STATUS]: Treatment.OUT_OF_PLACE,
  }),
  client: rulesOf('client', { [FrameType.WATCH]: Treatment.OUT_OF_PLACE }),
};

/**
 * What is wrong with a length, judged as soon as its four octets are there.
 * It is a signed number here: one beyond 2^31 arrives negative.
 */
export function lengthFault(length: number): Fault | undefined {
  if (length >= BARE_LENGTH && length <= MAX_LENGTH) return undefined;
  const message = `The length is ${length >>> 0}; ${BARE_LENGTH} to ${MAX_LENGTH} are allowed.`;
  return { code: length >= 0 && length < BARE_LENGTH ? WireError.PROTOCOL : WireError.TOO_LARGE, message };
}

/** What is wrong with a complete header whose length is sound, in the order of SPEC "Order of judgement". */
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
  if (treatment === Treatment.OUT_OF_PLACE) return directionFault(type, rules.receiver);
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

function bodyLimitFault(type: number, octets: number): Fault {
  const message = `The body of the ${nameOf(type)} has ${octets} octets; at most ${maxBody[type as FrameType]} are allowed.`;
  return { code: WireError.TOO_LARGE, message };
}

function flagsFault(type: number, flags: number): Fault {
  const found = hex(flags & CRITICAL_FLAGS);
  const message = `The critical flags of the ${nameOf(type)} are ${found}; bits of ${hex(knownFlags[type as FrameType])} are allowed.`;
  return { code: WireError.PROTOCOL, message };
}

function scopeFault(scope: number): Fault {
  const message = `The scope is ${scope}; 0 readiness, 1 liveness and 2 startup are allowed.`;
  return { code: WireError.PROTOCOL, message };
}

function directionFault(type: number, receiver: Receiver): Fault {
  const sender: Receiver = receiver === 'server' ? 'client' : 'server';
  const message = `A ${nameOf(type)} came from the ${sender}; only the ${receiver} is allowed to send it.`;
  return { code: WireError.PROTOCOL, message };
}

function secondHelloFault(): Fault {
  return { code: WireError.PROTOCOL, message: 'A second HELLO came; one a connection is allowed.' };
}

function nameOf(type: number): string {
  return Object.entries(FrameType).find(([, value]) => value === type)?.[0] ?? hex(type);
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}
