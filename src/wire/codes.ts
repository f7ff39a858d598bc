/** Protocol numbers (SPEC "Registries"). Append-only: numbers are never reused. */

export const VERSION = 1;
export const HEADER_BYTES = 16;
/** `length` of a frame without a body: the number of header bytes that follow the length field. */
export const BARE_LENGTH = 12;
export const MAX_LENGTH = 65_548;

export const FrameType = {
  PING: 0x01,
  PONG: 0x02,
  WATCH: 0x03,
  STATUS: 0x04,
  HELLO: 0x05,
  GOAWAY: 0x06,
  ERROR: 0x7f,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Maximum body size of each type, in bytes. */
export const maxBody: Readonly<Record<FrameType, number>> = {
  [FrameType.PING]: 1024,
  [FrameType.PONG]: 65_536,
  [FrameType.WATCH]: 4096,
  [FrameType.STATUS]: 65_536,
  [FrameType.HELLO]: 4096,
  [FrameType.GOAWAY]: 4096,
  [FrameType.ERROR]: 4096,
};

/** Bits 0-3 are critical: a receiver refuses a frame in which an unknown critical flag is set. Bits 4-7 are hints. */
export const CRITICAL_FLAGS = 0x0f;
export const PingFlag = { DETAIL: 0x01, CLOSE: 0x02 } as const;
/** Bits 4-7 of a PING: the number of responders that the PING has passed through (SPEC "Chains and cycles"). */
export const HOPS_SHIFT = 4;
export const PongFlag = { STALE: 0x02, TRUNCATED: 0x04 } as const;
export const WatchFlag = { CANCEL: 0x01, DETAIL: 0x02 } as const;
export const ErrorFlag = { FATAL: 0x01 } as const;

export const Scope = { READINESS: 0, LIVENESS: 1, STARTUP: 2 } as const;
export type Scope = (typeof Scope)[keyof typeof Scope];

export const Status = {
  UNKNOWN: 0,
  PASS: 1,
  WARN: 2,
  FAIL: 3,
  DRAINING: 4,
  STARTING: 5,
  NOT_FOUND: 6,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

export const GoawayReason = { NONE: 0, DRAINING: 1, TOO_OLD: 2, IDLE: 3 } as const;

export const WireError = {
  PROTOCOL: 1,
  VERSION: 2,
  TOO_LARGE: 3,
  UNKNOWN_TYPE: 4,
  BAD_BODY: 5,
  UNAUTHENTICATED: 6,
  FORBIDDEN: 7,
  TOO_MANY_PINGS: 8,
  IDLE: 9,
  SLOW_PEER: 10,
  TOO_MANY_CONNECTIONS: 11,
  INTERNAL: 12,
  STALE_PEER: 13,
} as const;
export type WireError = (typeof WireError)[keyof typeof WireError];
