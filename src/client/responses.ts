import { isHealthy, type State } from '../health/state.js';
import type { GoawayBody, OwnBody } from '../wire/bodies.js';
import { GoawayReason, PongFlag, Status } from '../wire/codes.js';
import type { Report } from './report.js';

/** Details of the latest run of a check. `status` of the PONG is the result of that run. */
export interface PongOwn {
  /** Random id of the process, which changes at each start. */
  readonly instance: string;
  /** Time since the start of the run, in milliseconds; undefined if there is no result that counts. */
  readonly age: number | undefined;
  /** Whether the check has passed or warned since the process started, or since a reload replaced it. */
  readonly hasPassed: boolean;
}

/** The answer to a PING. */
export interface Pong {
  /** Status of the responder. A code that this version does not know becomes `unknown`, which is never healthy. */
  readonly status: State;
  /** The received status byte; 128 to 255 are reserved for private use. */
  readonly code: number;
  /** Whether `status` is pass or warn. */
  readonly healthy: boolean;
  /** Whether the deadline passed before the checks finished. `status` is then the last known status. */
  readonly stale: boolean;
  /** Whether the report was too long. It then omits `checks`, but `causes` is complete. */
  readonly truncated: boolean;
  /** Round-trip time of this PING in milliseconds, measured with a monotonic clock. */
  readonly rtt: number;
  /**
   * The report, if `detail` was requested and is permitted. The peer's report is not validated: check it before use.
   */
  readonly report?: Report;
  /** Present if `own` was requested and the responder supports it. If it is absent, `status` is the normal status. */
  readonly own?: PongOwn;
}

/** A request from the server to close this connection, with the reason and when to reconnect. */
export interface Goaway extends GoawayBody {
  reason: 'none' | 'draining' | 'too-old' | 'idle' | 'unknown';
}

const states = namesOf(Status) as ReadonlyMap<number, State>;
const goawayReasons = namesOf(GoawayReason) as ReadonlyMap<number, Goaway['reason']>;

/** Converts the fields of a PONG frame. */
export function readPong(code: number, flags: number, report: Report | undefined, rtt: number): Pong {
  const status = states.get(code) ?? 'unknown';
  return {
    status,
    code,
    healthy: isHealthy(status),
    stale: (flags & PongFlag.STALE) !== 0,
    truncated: (flags & PongFlag.TRUNCATED) !== 0,
    rtt,
    ...(report && { report }),
  };
}

/** Reads the fields of a PONG frame for a PING with `own`. The peer writes the body, which may be a report or absent. */
export function readOwnPong(code: number, flags: number, body: object | undefined, rtt: number): Pong {
  const { own, instance, ageMs: age, hasPassed } = (body ?? {}) as Partial<Record<keyof OwnBody, unknown>>;
  const pong = readPong(code, flags, undefined, rtt);
  if (own !== true || typeof instance !== 'string' || !isAge(age) || typeof hasPassed !== 'boolean') return pong;
  return { ...pong, own: { instance, age, hasPassed } };
}

function isAge(value: unknown): value is number | undefined {
  return value === undefined || (Number.isInteger(value) && (value as number) >= 0);
}

/** Converts the fields of a GOAWAY frame. */
export function readGoaway(code: number, body: GoawayBody | undefined): Goaway {
  return { ...body, reason: goawayReasons.get(code) ?? 'unknown' };
}

/** The names of the codes in a wire registry: `TOO_MANY_PINGS: 8` becomes 8 -> `too-many-pings`. */
export function namesOf(registry: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(registry).map(([name, code]) => [code, name.toLowerCase().replaceAll('_', '-')]));
}
