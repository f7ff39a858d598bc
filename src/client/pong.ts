import type { State } from '../health/state.js';
import { PongFlag, Status } from '../wire/codes.js';
import type { Report } from './report.js';
import { wordsOf } from './words.js';

/** What a responder answered, and how long it took. */
export interface Pong {
  /** What is true over there. A code that this version does not know is `unknown`, never healthy. */
  readonly status: State;
  /** The status octet as it came; 128 .. 255 are private to whoever runs the responder. */
  readonly code: number;
  /** pass or warn. */
  readonly healthy: boolean;
  /** The responder's deadline passed: this is the last that it knew. */
  readonly stale: boolean;
  /** The report was too long: its `checks` are left out, its `causes` stand. */
  readonly truncated: boolean;
  /** Milliseconds from the question to its answer, monotonic. */
  readonly rtt: number;
  /** The report, where `detail` was asked for and is allowed; as the peer wrote it, so judge before use. */
  readonly report?: Report;
}

const states = wordsOf(Status) as ReadonlyMap<number, State>;

/** The fields of a PONG frame in words. */
export function readPong(code: number, flags: number, report: Report | undefined, rtt: number): Pong {
  const status = states.get(code) ?? 'unknown';
  return {
    status,
    code,
    healthy: status === 'pass' || status === 'warn',
    stale: (flags & PongFlag.STALE) !== 0,
    truncated: (flags & PongFlag.TRUNCATED) !== 0,
    rtt,
    ...(report && { report }),
  };
}
