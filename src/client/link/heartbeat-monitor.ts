import type { Clock, Timer } from '../../common/clock.js';
import type { Scope } from '../../health/health.js';
import { Heartbeat } from '../../liveness/heartbeat.js';
import { TimeLimit } from '../../liveness/time-limit.js';
import type { Pong } from '../pong.js';
import type { PingOptions } from '../requests.js';
import type { HeartbeatSettings } from './heartbeat-settings.js';
import { RoundTripSum, type RoundTripTimes } from './round-trips.js';

/** The most that the shortest of its limits is divided by to notice that the own loop stood still. */
const LOOKS_PER_STALL = 10;
const SHORTEST_LOOK = 5;
/** By when a server answers that was told no deadline, at most, in milliseconds (SPEC "Limits", `ping.maxTimeout`). */
const LONGEST_ANSWER = 10_000;
/** The deadline that a PING names where that would be too long. */
const USUAL_ANSWER = 2000;
/** How long a PONG is waited for at least; one that comes later is a sign of life all the same. */
const SHORTEST_WAIT = 10_000;

/** What is kept alive: the smallest part of a client that a pulse needs. */
export interface Beating {
  /** Monotonic moments, in milliseconds, at which the last octet came and the last frame left. */
  readonly receivedAt: number;
  readonly sentAt: number;
  /** Sends a PING of the heartbeat. */
  beat(options: PingOptions): Promise<Pong>;
}

export interface PulseOptions extends Required<HeartbeatSettings> {
  scope: Scope;
  /** Whether the report is wanted with each PONG. */
  detail: boolean;
  /** Silence with which a server that promised to PING is dead, in milliseconds; 0 = it promised nothing. */
  silence: number;
  random: () => number;
}

export interface PulseListener {
  pong(pong: Pong): void;
  /** A PING is overdue, or the server gave a sign of life again. */
  suspect(isSuspect: boolean): void;
  dead(description: string): void;
}

/**
 * The heartbeat of one connection: it PINGs when that is due, suspects, and
 * convicts after a second look, never inside the timer that raised the
 * suspicion (SPEC "Failure detection"). Begins at once; `stop` ends it.
 */
export class HeartbeatMonitor {
  readonly heartbeat: Heartbeat;
  private readonly trips = new RoundTripSum();
  /** Three ways to be dead: so many PINGs unanswered, one for so long, a promise not kept. */
  private readonly unanswered: TimeLimit;
  private readonly timeout: TimeLimit;
  private readonly silence: TimeLimit;
  private readonly limits: readonly TimeLimit[];
  /** Looks are never further apart than this, so that a stall of the own loop is noticed. */
  private readonly longestLook: number;
  private readonly question: PingOptions;
  private readonly stopping = new AbortController();
  private timer: Timer;
  private seenAt: number;
  private lookedAt: number;
  /** When the first PING since the last sign of life left. */
  private pingedAt = 0;
  private sequence = 0;
  private suspected = false;

  constructor(
    private readonly client: Beating,
    options: PulseOptions,
    private readonly clock: Clock,
    private readonly listener: PulseListener,
    /** Runs its argument after the octets that have arrived were read. */
    private readonly afterPoll: (look: () => void) => void = (look) => setImmediate(() => setImmediate(look)),
  ) {
    const now = clock.now();
    this.seenAt = now;
    this.lookedAt = now;
    // The first PING at once: what the server says of itself is wanted now.
    this.heartbeat = new Heartbeat(options, now, 0);
    this.unanswered = new TimeLimit(this.heartbeat.limit);
    this.timeout = new TimeLimit(options.timeout);
    this.silence = new TimeLimit(options.silence);
    this.limits = [this.unanswered, this.timeout, this.silence].filter(({ ms }) => ms > 0);
    const shortestStall = Math.min(...this.limits.map((limit) => limit.stallTolerance));
    this.longestLook = Math.max(SHORTEST_LOOK, shortestStall / LOOKS_PER_STALL);
    this.question = { ...questionOf(options), signal: this.stopping.signal };
    this.look();
  }

  /** Round-trip times so far; undefined before the first PONG. */
  get roundTrips(): RoundTripTimes | undefined {
    return this.trips.times;
  }

  /** Ends it; nobody waits for the PONGs that are on their way. */
  stop(): void {
    this.stopping.abort();
    this.clock.clear(this.timer);
  }

  private readonly look = (): void => {
    const now = this.clock.now();
    this.noticeStall(now - this.lookedAt, now);
    this.lookedAt = now;
    if (this.finding(now) !== undefined) return this.afterPoll(() => this.judge());
    if (this.heartbeat.due(now) === 'ping') this.ping(now);
    this.schedule(now);
  };

  /** `gap`: since the look before; what of it was planned is a tenth at most of what counts as a stall. */
  private noticeStall(gap: number, now: number): void {
    for (const limit of this.limits) {
      if (limit.onStall(gap, now) && limit === this.unanswered) this.heartbeat.reset(now);
    }
  }

  private judge(): void {
    if (this.stopping.signal.aborted) return;
    const now = this.clock.now();
    const description = this.finding(now);
    if (description === undefined) return this.schedule(now);
    this.stop();
    this.listener.dead(description);
  }

  /** What there is to accuse the server of at `now`. */
  private finding(now: number): string | undefined {
    this.takeNotice();
    const { receivedAt } = this.client;
    if (this.silence.exceeded(receivedAt, now)) return `nothing came for ${Math.round(now - receivedAt)} ms`;
    const { pingsOut } = this.heartbeat;
    if (pingsOut > 0 && this.timeout.exceeded(this.pingedAt, now)) {
      return `a PING was not answered for ${Math.round(now - this.pingedAt)} ms`;
    }
    return this.heartbeat.due(now) === 'dead' ? `${pingsOut} PINGs were not answered` : undefined;
  }

  /** Hands on what the connection has seen since the last look. */
  private takeNotice(): void {
    const { client, heartbeat } = this;
    if (client.receivedAt > this.seenAt) this.alive();
    heartbeat.sent(client.sentAt);
  }

  private alive(): void {
    this.seenAt = this.client.receivedAt;
    this.heartbeat.received(this.seenAt);
    this.suspect(false);
  }

  private suspect(isSuspect: boolean): void {
    if (this.suspected === isSuspect) return;
    this.suspected = isSuspect;
    this.listener.suspect(isSuspect);
  }

  private ping(now: number): void {
    const { heartbeat } = this;
    heartbeat.pinged(0, ++this.sequence, now);
    if (heartbeat.pingsOut === 1) this.pingedAt = now;
    else this.suspect(true);
    this.client.beat(this.question).then(
      (pong) => {
        if (this.stopping.signal.aborted) return;
        this.trips.observe(pong.rtt);
        this.alive();
        this.listener.pong(pong);
      },
      // Too late, which the next look tells, or the connection is lost, which its own event tells.
      () => {},
    );
  }

  private schedule(now: number): void {
    if (this.stopping.signal.aborted) return;
    const { heartbeat, client } = this;
    const next = Math.min(
      heartbeat.dueAt,
      heartbeat.pingsOut > 0 ? this.timeout.endsAt(this.pingedAt) : Number.POSITIVE_INFINITY,
      this.silence.endsAt(client.receivedAt),
      now + this.longestLook,
    );
    this.clock.clear(this.timer);
    // Never less than a millisecond: a timer may fire a fraction early.
    this.timer = this.clock.after(Math.max(1, next - now), this.look);
  }
}

/**
 * What the PINGs ask. A server may take its time for the checks before it answers: where that could look like death,
 * the PING says by when the answer is wanted.
 */
function questionOf({ interval, maxPingsOut, timeout, scope, detail }: PulseOptions): PingOptions {
  const rounds = interval * 0.75 * maxPingsOut;
  const soonest = Math.min(rounds || Number.POSITIVE_INFINITY, timeout || Number.POSITIVE_INFINITY);
  const isHurried = scope !== 'liveness' && soonest <= 2 * LONGEST_ANSWER;
  return {
    scope,
    detail,
    responseTimeout: Math.max(SHORTEST_WAIT, (maxPingsOut + 2) * interval),
    ...(isHurried && { timeout: Math.min(USUAL_ANSWER, soonest / 2) }),
  };
}
