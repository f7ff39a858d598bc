import type { Clock } from '../../common/clock.js';
import { TurnBudget } from '../../common/turn-budget.js';
import { type Answer, type Health, type OwnResult, type Query, type Scope, scopes } from '../../health/health.js';
import type { State } from '../../health/state.js';
import { type HelloBody, type OwnBody, type PingBody, type WatchBody, wireMilliseconds } from '../../wire/bodies.js';
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

/** Status code of each state (SPEC "Registries"). */
export const statusOf: Readonly<Record<State, number>> = {
  unknown: Status.UNKNOWN,
  pass: Status.PASS,
  warn: Status.WARN,
  fail: Status.FAIL,
  draining: Status.DRAINING,
  starting: Status.STARTING,
  'not-found': Status.NOT_FOUND,
};

/** Assumed report size in bytes before the first report is sent, about that of five checks. */
const FIRST_REPORT_BYTES = 2048;

const NO_BODY = Buffer.alloc(0);

/** Result of `ReadBatch.status` for a scope without a fresh cached answer. */
export const NEEDS_REFRESH = -1;
const NOT_LOOKED_UP = -2;

/**
 * The cached answers during one read. Each scope is looked up once, and its PONGs are counted once, for any number of
 * PINGs.
 */
class ReadBatch {
  private readAt = 0;
  private readonly statuses = scopes.map(() => NOT_LOOKED_UP);
  private readonly counts = scopes.map(() => 0);

  constructor(
    private readonly health: Health,
    private readonly stats: ServerStats,
    private readonly clock: Clock,
  ) {}

  begin(now: number): void {
    this.readAt = now;
    for (let scope = 0; scope < scopes.length; scope++) this.statuses[scope] = NOT_LOOKED_UP;
  }

  /** Returns the status code for one more bare PING with this scope, or NEEDS_REFRESH. */
  status(scope: number): number {
    let status = this.statuses[scope] as number;
    if (status === NOT_LOOKED_UP) {
      const cached = this.health.cachedStatus(scopes[scope] as Scope);
      status = this.readAt <= cached.freshUntil ? statusOf[cached.state] : NEEDS_REFRESH;
      this.statuses[scope] = status;
    }
    if (status !== NEEDS_REFRESH) this.answered(scope, 1);
    return status;
  }

  /** Reports that `count` more PINGs were answered with the result of `status`. */
  answered(scope: number, count: number): void {
    this.counts[scope] = (this.counts[scope] as number) + count;
  }

  /** Counts the PONGs of this read in the metrics. Returns their number. */
  end(): number {
    let total = 0;
    for (let scope = 0; scope < scopes.length; scope++) {
      const count = this.counts[scope] as number;
      if (count === 0) continue;
      this.count(scopes[scope] as Scope, count);
      this.counts[scope] = 0;
      total += count;
    }
    return total;
  }

  private count(scope: Scope, count: number): void {
    const { state, since } = this.health.cachedStatus(scope);
    const now = this.clock.now();
    this.stats.pings[scope][state] += count;
    this.stats.replyTime.observe((now - this.readAt) / 1000, count);
    if (Number.isFinite(since)) this.stats.resultAge.observe((now - since) / 1000, count);
  }
}

/** Converts a PING to a request to the health of this process, and the answer to a PONG. It has no socket. */
export class Responder {
  /** Size of the last PONG with a report, in bytes. This amount is reserved for each pending PONG. */
  reportBytes = FIRST_REPORT_BYTES;
  readonly batch: ReadBatch;
  /** Time per turn for lines and for frames other than bare PINGs, shared by all connections. */
  readonly budget: TurnBudget;

  constructor(
    readonly health: Health,
    readonly stats: ServerStats,
    /** A reload replaces this. */
    public settings: ServerSettings,
    private readonly clock: Clock,
  ) {
    this.batch = new ReadBatch(health, stats, clock);
    this.budget = new TurnBudget(clock);
  }

  /** Body of the server's HELLO, for a listener with these heartbeat settings. */
  hello(heartbeat: ServerSettings['heartbeat']): HelloBody {
    const { idleTimeout } = heartbeat;
    return {
      instance: this.health.instance,
      idleTimeoutMs: wireMilliseconds(idleTimeout),
      heartbeat: { ...ownOffer(heartbeat), mult: 3 },
    };
  }

  /** Counts `count` PONGs with this answer in the metrics. */
  count(scope: Scope, answer: Pick<Answer, 'state' | 'late' | 'age'>, count: number, readAt: number): void {
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

  /** The checks that a WATCH selects. */
  selection(body: WatchBody | undefined): Pick<Query, 'scope' | 'checks' | 'group'> {
    return {
      scope: scopes[body?.scope ?? 0] as Scope,
      ...(body?.checks && { checks: body.checks }),
      ...(body?.group !== undefined && { group: body.group }),
    };
  }

  /** PONGs without a body for all `ids` (pairs of high and low words), in one buffer. */
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
   * One PONG with the report that the PING requested, if its sender may see details (SPEC "Detail"). Otherwise, the
   * PONG has no body. Only responders in a chain still receive the instances, which they need to distinguish a cycle
   * from a failure.
   */
  pongWithReport(answer: Answer, pingFlags: number, ids: readonly number[], mayDetail: boolean): readonly Buffer[] {
    const hops = pingFlags >> HOPS_SHIFT;
    if ((pingFlags & PingFlag.DETAIL) === 0 || (!mayDetail && hops === 0)) return [this.pongs(answer, ids)];
    const flags = answer.stale ? PongFlag.STALE : 0;
    const parts = this.withReport(FrameType.PONG, flags, ids, answer, mayDetail ? 'full' : 'chain');
    this.reportBytes = HEADER_BYTES + parts[1].length;
    return parts;
  }

  /** The PONG for a PING with `own`. The result is undefined if the check does not exist. */
  ownPong(result: OwnResult | undefined, idHigh: number, idLow: number): Buffer {
    const body: OwnBody = {
      own: true,
      instance: this.health.instance,
      ...(result?.age !== undefined && { ageMs: wireMilliseconds(result.age) }),
      hasPassed: result?.hasPassed ?? false,
    };
    const code = statusOf[result?.state ?? 'not-found'];
    return encodeFrame({ type: FrameType.PONG, code, idHigh, idLow, body: { ...body } });
  }

  /** A STATUS with this id (high and low words), and with the report if `detail`. */
  status(answer: Answer, id: readonly [number, number], detail: boolean): readonly Buffer[] {
    if (detail) return this.withReport(FrameType.STATUS, 0, id, answer, 'full');
    const [idHigh, idLow] = id;
    return [encodeFrame({ type: FrameType.STATUS, code: statusOf[answer.state], idHigh, idLow })];
  }

  /** The header, and the report in a buffer that all peers share. */
  private withReport(
    type: FrameType,
    baseFlags: number,
    [idHigh, idLow]: readonly number[],
    answer: Answer,
    level: 'full' | 'chain',
  ): readonly [header: Buffer, body: Buffer] {
    const report = answer.report(level);
    const fits = fitsBody(report);
    // For a chain, the report with only the instances is already the shortest.
    const short = fits ? report : level === 'full' ? answer.report('causes') : undefined;
    const flags = baseFlags | (fits ? 0 : PongFlag.TRUNCATED);
    const code = statusOf[answer.state];
    const body = short && fitsBody(short) ? short : NO_BODY;
    const frame = { type, flags, code, idHigh: idHigh as number, idLow: idLow as number };
    return [encodeHeader(frame, body.length), body];
  }
}

function fitsBody(report: Buffer): boolean {
  return report.length <= maxBody[FrameType.PONG];
}
