import type { Clock } from '../../common/clock.js';
import { type Answer, type Health, type Query, type Scope, scopes } from '../../health/health.js';
import type { State } from '../../health/state.js';
import { type HelloBody, type PingBody, type WatchBody, wireMilliseconds } from '../../wire/bodies.js';
import {
  BARE_LENGTH,
  FrameType,
  HEADER_BYTES,
  HOPS_SHIFT,
  maxBody,
  PingFlag,
  PongFlag,
  Status,
} from '../../wire/codes.js';
import { encodeFrame, encodeHeader, writeHeader } from '../../wire/encode.js';
import type { ServerSettings } from '../settings.js';
import type { ServerStats } from '../stats.js';
import { ownOffer } from './negotiated.js';
import { TurnBudget } from './turn-budget.js';

/** The status octet for each state (SPEC "Registries"). */
export const statusOf: Readonly<Record<State, number>> = {
  unknown: Status.UNKNOWN,
  pass: Status.PASS,
  warn: Status.WARN,
  fail: Status.FAIL,
  draining: Status.DRAINING,
  starting: Status.STARTING,
  'not-found': Status.NOT_FOUND,
};

/** Before the first report has been sent: about what one of five checks takes. */
const FIRST_REPORT_ESTIMATE = 2048;

const NO_BODY = Buffer.alloc(0);

/** `ReadBatch.status` of a scope whose answer has to be asked for. */
export const NEEDS_REFRESH = -1;
const NOT_LOOKED_UP = -2;

/**
 * The standing answers during one read: each scope is looked up once, and the
 * PONGs are counted once, however many PINGs the read brought.
 */
class ReadBatch {
  private readAt = 0;
  private readonly found = scopes.map(() => NOT_LOOKED_UP);
  private readonly counts = scopes.map(() => 0);

  constructor(
    private readonly health: Health,
    private readonly stats: ServerStats,
    private readonly clock: Clock,
  ) {}

  begin(now: number): void {
    this.readAt = now;
    for (let scope = 0; scope < scopes.length; scope++) this.found[scope] = NOT_LOOKED_UP;
  }

  /** The status octet for one more bare PING of this scope, or TOO_OLD. */
  status(scope: number): number {
    let status = this.found[scope] as number;
    if (status === NOT_LOOKED_UP) {
      const standing = this.health.standing(scopes[scope] as Scope);
      status = this.readAt <= standing.freshUntil ? statusOf[standing.state] : NEEDS_REFRESH;
      this.found[scope] = status;
    }
    if (status !== NEEDS_REFRESH) this.answered(scope, 1);
    return status;
  }

  /** So many more were answered with what `status` said. */
  answered(scope: number, count: number): void {
    this.counts[scope] = (this.counts[scope] as number) + count;
  }

  /** Counts the PONGs of this turn and returns how many they were. */
  end(): number {
    let all = 0;
    for (let scope = 0; scope < scopes.length; scope++) {
      const count = this.counts[scope] as number;
      if (count === 0) continue;
      this.count(scopes[scope] as Scope, count);
      this.counts[scope] = 0;
      all += count;
    }
    return all;
  }

  private count(scope: Scope, count: number): void {
    const { state, since } = this.health.standing(scope);
    const now = this.clock.now();
    this.stats.pings[scope][state] += count;
    this.stats.replyTime.observe((now - this.readAt) / 1000, count);
    if (Number.isFinite(since)) this.stats.resultAge.observe((now - since) / 1000, count);
  }
}

/** Turns a PING into a question to the health of this process, and its answer into a PONG. Knows no socket. */
export class Responder {
  /** Octets that a PONG with a report took last: what is set aside for one that is still to come. */
  reportBytes = FIRST_REPORT_ESTIMATE;
  readonly turn: ReadBatch;
  readonly budget: TurnBudget;

  constructor(
    readonly health: Health,
    readonly stats: ServerStats,
    /** A reload replaces them. */
    public settings: ServerSettings,
    private readonly clock: Clock,
  ) {
    this.turn = new ReadBatch(health, stats, clock);
    this.budget = new TurnBudget(clock);
  }

  /** The body of the server's HELLO, with what holds at the listener where it is said. */
  hello(heartbeat: ServerSettings['heartbeat']): HelloBody {
    const { idleTimeout } = heartbeat;
    return {
      instance: this.health.instance,
      idleTimeoutMs: wireMilliseconds(idleTimeout),
      heartbeat: { ...ownOffer(heartbeat), mult: 3 },
    };
  }

  /** Counts PONGs that `answer` was for. */
  count(scope: Scope, answer: Answer, count: number, readAt: number): void {
    this.stats.pings[scope][answer.state] += count;
    if (answer.late) this.stats.stale += count;
    this.stats.replyTime.observe((this.clock.now() - readAt) / 1000, count);
    this.stats.resultAge.observe(answer.age / 1000, count);
  }

  query(code: number, flags: number, body: PingBody | undefined): Query {
    const { timeout, maxTimeout } = this.settings.ping;
    return {
      scope: scopes[code] as Scope,
      ...(body?.checks && { checks: body.checks }),
      ...(body?.group !== undefined && { group: body.group }),
      ...(body?.maxAgeMs !== undefined && { maxAge: body.maxAgeMs }),
      timeout: Math.min(body?.timeoutMs ?? timeout, maxTimeout),
      hops: flags >> HOPS_SHIFT,
    };
  }

  /** What a WATCH is about. */
  selection(body: WatchBody | undefined): Pick<Query, 'scope' | 'checks' | 'group'> {
    return {
      scope: scopes[body?.scope ?? 0] as Scope,
      ...(body?.checks && { checks: body.checks }),
      ...(body?.group !== undefined && { group: body.group }),
    };
  }

  /** PONGs without a body for each of `ids` (pairs of high and low), in one buffer. */
  pongs(answer: Answer, ids: readonly number[]): Buffer {
    const flags = answer.stale ? PongFlag.STALE : 0;
    const status = statusOf[answer.state];
    const buffer = Buffer.allocUnsafe((ids.length / 2) * HEADER_BYTES);
    for (let i = 0; i < ids.length; i += 2) {
      writeHeader(
        buffer,
        i * (HEADER_BYTES / 2),
        BARE_LENGTH,
        FrameType.PONG,
        flags,
        status,
        ids[i] as number,
        ids[i + 1] as number,
      );
    }
    return buffer;
  }

  /**
   * One PONG with the report that the PING asked for, as far as its sender may
   * see it (SPEC "Detail"): without the right there is no body, but responders
   * on the way of a chain still get the bare instances, or circles could not
   * be told from failures.
   */
  pongWithReport(answer: Answer, pingFlags: number, ids: readonly number[], mayDetail: boolean): readonly Buffer[] {
    const hops = pingFlags >> HOPS_SHIFT;
    if ((pingFlags & PingFlag.DETAIL) === 0 || (!mayDetail && hops === 0)) return [this.pongs(answer, ids)];
    const flags = answer.stale ? PongFlag.STALE : 0;
    const parts = this.withReport(FrameType.PONG, flags, ids, answer, mayDetail ? 'full' : 'chain');
    this.reportBytes = HEADER_BYTES + parts[1].length;
    return parts;
  }

  /** A STATUS with this id (high and low), and with the report where `detail`. */
  status(answer: Answer, id: readonly [number, number], detail: boolean): readonly Buffer[] {
    if (detail) return this.withReport(FrameType.STATUS, 0, id, answer, 'full');
    const [idHigh, idLow] = id;
    return [encodeFrame({ type: FrameType.STATUS, code: statusOf[answer.state], idHigh, idLow })];
  }

  /** The header, and the report, which all peers share. */
  private withReport(
    type: FrameType,
    given: number,
    [idHigh, idLow]: readonly number[],
    answer: Answer,
    extent: 'full' | 'chain',
  ): readonly [header: Buffer, body: Buffer] {
    const whole = answer.report(extent);
    const fits = isWithin(whole);
    // The bare instances of a chain are all that some may see: there is nothing shorter to send in their place.
    const short = fits ? whole : extent === 'full' ? answer.report('causes') : undefined;
    const flags = given | (fits ? 0 : PongFlag.TRUNCATED);
    const code = statusOf[answer.state];
    const body = short && isWithin(short) ? short : NO_BODY;
    const frame = { type, flags, code, idHigh: idHigh as number, idLow: idLow as number };
    return [encodeHeader(frame, body.length), body];
  }
}

function isWithin(report: Buffer): boolean {
  return report.length <= maxBody[FrameType.PONG];
}
