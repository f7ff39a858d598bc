import { Histogram } from '../common/histogram.js';
import { numberAccessors, numberRecord } from '../common/number-record.js';
import { type Scope, scopes } from '../health/health.js';
import { type State, states } from '../health/state.js';
import { WireError } from '../wire/codes.js';

/** Why a connection ended. A fixed set, because it is a metric label. */
export const closeReasons = [
  'client-closed',
  'client-reset',
  'idle',
  'dead',
  'slow-peer',
  'timed-out',
  'network',
  'protocol-error',
  'too-many-pings',
  'unauthenticated',
  'tls',
  'proxy-header',
  'wrong-protocol',
  'answered',
  'drained',
  'closed-by-application',
  'internal',
] as const;
export type CloseReason = (typeof closeReasons)[number];

/** Why a connection was closed on accept. */
export const rejectReasons = ['max-connections', 'max-connections-per-address', 'max-handshakes'] as const;
export type RejectReason = (typeof rejectReasons)[number];

/**
 * Why reading from a connection is paused: a limit is reached, other connections are served first, or a line waits for
 * the answer to the previous one.
 */
export const pauses = ['max-pending', 'max-queued-bytes', 'turn-budget', 'line-order'] as const;
export type Pause = (typeof pauses)[number];

/** Modes of open connections. A connection is `undecided` until its first byte has arrived. */
const modes = ['undecided', 'binary', 'line'] as const;

const replyTimeBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const resultAgeBounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const lineWords = ['ping', 'agent'] as const;
const gauges = ['open', 'arriving', 'waiting', 'watches'] as const;
const counters = ['accepted', 'stale', 'ignoredFrames', 'bytesIn', 'bytesOut'] as const;
const errorCodes = Math.max(...Object.values(WireError)) + 1;

type Slots = readonly [start: number, end: number];
let length = 0;

/** Allocates the next `count` slots of the array. */
function slots(count: number): Slots {
  const start = length;
  length += count;
  return [start, length];
}

// The layout of the array. All gauges precede the first counter.
const gaugeSlots = slots(gauges.length);
const modeSlots = slots(modes.length);
const FIRST_COUNTER = length;
const counterSlots = slots(counters.length);
const refusedSlots = slots(rejectReasons.length);
const closedSlots = slots(closeReasons.length);
const pausedSlots = slots(pauses.length);
const pingSlots = scopes.map((scope) => [scope, slots(states.length)] as const);
const statusSlots = slots(states.length);
const lineSlots = slots(lineWords.length);
const errorSlots = slots(errorCodes);
const replyTimeSlots = slots(Histogram.length(replyTimeBounds));
const resultAgeSlots = slots(Histogram.length(resultAgeBounds));

const byMode = numberRecord(modes);
const byRejectReason = numberRecord(rejectReasons);
const byCloseReason = numberRecord(closeReasons);
const byPause = numberRecord(pauses);
const byState = numberRecord(states);
const byWord = numberRecord(lineWords);

/**
 * Gauges and counters of a server, read when metrics are scraped. All numbers are elements of one array, so that
 * counting on the hot path is cheap and another thread can read them from shared memory.
 */
export class ServerStats {
  /** Length of the array, and its size in bytes. */
  static readonly length = length;
  static readonly bytes = length * Float64Array.BYTES_PER_ELEMENT;

  declare open: number;
  /** Number of connections whose PROXY header or TLS handshake is not complete. */
  declare arriving: number;
  /** Number of unanswered PINGs. */
  declare waiting: number;
  /** Number of open WATCHes. */
  declare watches: number;
  /** Number of open connections per mode. */
  readonly modes: Record<(typeof modes)[number], number>;
  declare accepted: number;
  /** Number of PONGs sent with STALE. */
  declare stale: number;
  /** Number of unsolicited PONGs, and of GOAWAYs and ERRORs from peers. */
  declare ignoredFrames: number;
  declare bytesIn: number;
  declare bytesOut: number;
  readonly refused: Record<RejectReason, number>;
  readonly closed: Record<CloseReason, number>;
  readonly paused: Record<Pause, number>;
  /** Number of PONGs by scope and state. `ping` and `agent` in line mode count as readiness. */
  readonly pings: Readonly<Record<Scope, Record<State, number>>>;
  /** Number of STATUS frames sent, by state. */
  readonly statuses: Record<State, number>;
  readonly lines: Record<(typeof lineWords)[number], number>;
  /** Number of ERROR frames sent, by code. */
  readonly errors: Float64Array;
  /** Time from reading a PING to writing its PONG, in seconds. */
  readonly replyTime: Histogram;
  /** Age of the oldest result in a PONG, in seconds. */
  readonly resultAge: Histogram;
  /** Expiry of the certificate of each TLS listener, in milliseconds since 1970. */
  certificates: () => readonly (readonly [listener: string, expiresAt: number])[] = () => [];
  private readonly numbers: Float64Array;

  static {
    Object.defineProperties(ServerStats.prototype, {
      ...numberAccessors(gauges, gaugeSlots[0]),
      ...numberAccessors(counters, counterSlots[0]),
    });
  }

  /** @param numbers array of `ServerStats.length` numbers, which may be in shared memory. Default: a new array. */
  constructor(numbers: Float64Array = new Float64Array(ServerStats.length)) {
    const view = ([start, end]: Slots) => numbers.subarray(start, end);
    this.numbers = numbers;
    this.modes = byMode(view(modeSlots));
    this.refused = byRejectReason(view(refusedSlots));
    this.closed = byCloseReason(view(closedSlots));
    this.paused = byPause(view(pausedSlots));
    this.pings = Object.fromEntries(pingSlots.map(([scope, slots]) => [scope, byState(view(slots))])) as Record<
      Scope,
      Record<State, number>
    >;
    this.statuses = byState(view(statusSlots));
    this.lines = byWord(view(lineSlots));
    this.errors = view(errorSlots);
    this.replyTime = new Histogram(replyTimeBounds, view(replyTimeSlots));
    this.resultAge = new Histogram(resultAgeBounds, view(resultAgeSlots));
  }

  /** The current sums of all numbers, and all certificates. */
  static sum(all: readonly ServerStats[]): ServerStats {
    const sum = new ServerStats();
    for (const { numbers } of all) {
      for (const [slot, number] of numbers.entries()) sum.numbers[slot] = (sum.numbers[slot] as number) + number;
    }
    sum.certificates = () => all.flatMap(({ certificates }) => certificates());
    return sum;
  }

  /** Sets the gauges to 0 after a thread has ended. Its counters remain. */
  resetGauges(): void {
    this.numbers.fill(0, 0, FIRST_COUNTER);
  }
}
