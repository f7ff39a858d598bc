import type { Clock, Timer } from '../../common/clock.js';
import { Heartbeat } from '../../liveness/heartbeat.js';
import { TimeLimit } from '../../liveness/time-limit.js';
import type { PingOptions } from '../requests.js';
import type { Pong } from '../responses.js';
import type { HeartbeatSettings } from './heartbeat-settings.js';
import { RoundTripSum, type RoundTripTimes } from './round-trips.js';

/** Number of ticks within the shortest stall tolerance, so that a blocked event loop of this process is detected. */
const TICKS_PER_STALL = 10;
const MIN_TICK_MS = 5;
/** Maximum response time in milliseconds of a server if the PING has no deadline (SPEC "Limits", `ping.maxTimeout`). */
const MAX_SERVER_TIMEOUT_MS = 10_000;
/** Deadline in a PING if `MAX_SERVER_TIMEOUT_MS` would be too long. */
const PING_TIMEOUT_MS = 2000;
/** Minimum time to wait for a PONG, in milliseconds. A later PONG still counts as activity. */
const MIN_RESPONSE_TIMEOUT_MS = 10_000;

/** The part of a client that the monitor needs. */
export interface MonitoredClient {
  /** Monotonic times of the last received byte and of the last sent frame, in milliseconds. */
  readonly receivedAt: number;
  readonly sentAt: number;
  beat(options: PingOptions): Promise<Pong>;
}

export interface MonitorOptions extends Required<HeartbeatSettings> {
  /** Selection of the PINGs. */
  selection: Pick<PingOptions, 'scope' | 'checks' | 'group'>;
  /** Whether to request the report with each PONG. */
  detail: boolean;
  /** Silence after which a server that sends PINGs is dead, in milliseconds; 0 = the server sends none. */
  silence: number;
  random: () => number;
}

export interface MonitorListener {
  pong(pong: Pong): void;
  /**
   * Called with true when a second PING is due while one is unanswered, and with false when the server is active again.
   */
  suspect(isSuspect: boolean): void;
  dead(description: string): void;
}

/**
 * The heartbeat of one connection: sends PINGs and detects a dead server. It declares the server dead only after
 * another poll of the socket, never in a timer callback (SPEC "Failure detection"). Starts when it is created.
 */
export class HeartbeatMonitor {
  readonly heartbeat: Heartbeat;
  private readonly trips = new RoundTripSum();
  /**
   * The server is dead if too many PINGs are unanswered, one is unanswered for too long, or the server stops sending
   * the PINGs that it offered.
   */
  private readonly unanswered: TimeLimit;
  private readonly timeout: TimeLimit;
  private readonly silence: TimeLimit;
  private readonly limits: readonly TimeLimit[];
  /** Maximum time between two ticks, so that a blocked event loop is detected. */
  private readonly maxTickMs: number;
  private readonly pingOptions: PingOptions;
  private readonly stopping = new AbortController();
  private timer: Timer;
  private activeAt: number;
  private tickedAt: number;
  /** Time at which the first PING since the last activity was sent. */
  private pingedAt = 0;
  private sequence = 0;
  private isSuspected = false;

  constructor(
    private readonly client: MonitoredClient,
    options: MonitorOptions,
    private readonly clock: Clock,
    private readonly listener: MonitorListener,
    /** Calls its argument once all bytes that have already arrived have been read. */
    private readonly afterPoll: (call: () => void) => void = (call) => setImmediate(() => setImmediate(call)),
  ) {
    const now = clock.now();
    this.activeAt = now;
    this.tickedAt = now;
    // The first PING is due immediately, because a connection is up only once its status is known.
    this.heartbeat = new Heartbeat(options, now, 0);
    this.unanswered = new TimeLimit(this.heartbeat.limit);
    this.timeout = new TimeLimit(options.timeout);
    this.silence = new TimeLimit(options.silence);
    this.limits = [this.unanswered, this.timeout, this.silence].filter(({ ms }) => ms > 0);
    const shortestStall = Math.min(...this.limits.map((limit) => limit.stallTolerance));
    this.maxTickMs = Math.max(MIN_TICK_MS, shortestStall / TICKS_PER_STALL);
    this.pingOptions = { ...pingOptionsOf(options), signal: this.stopping.signal };
    this.tick();
  }

  /** Round-trip times so far; undefined before the first PONG. */
  get roundTrips(): RoundTripTimes | undefined {
    return this.trips.times;
  }

  /** Stops the heartbeat. Outstanding PINGs are abandoned. */
  stop(): void {
    this.stopping.abort();
    this.clock.clear(this.timer);
  }

  private readonly tick = (): void => {
    const now = this.clock.now();
    this.detectStall(now - this.tickedAt, now);
    this.tickedAt = now;
    if (this.violation(now) !== undefined) return this.afterPoll(() => this.confirmDeath());
    if (this.heartbeat.due(now) === 'ping') this.ping(now);
    this.schedule(now);
  };

  /** @param gap time since the previous tick. Ticks are scheduled at most a tenth of the stall tolerance apart. */
  private detectStall(gap: number, now: number): void {
    for (const limit of this.limits) {
      if (limit.onStall(gap, now) && limit === this.unanswered) this.heartbeat.reset(now);
    }
  }

  private confirmDeath(): void {
    if (this.stopping.signal.aborted) return;
    const now = this.clock.now();
    const description = this.violation(now);
    if (description === undefined) return this.schedule(now);
    this.stop();
    this.listener.dead(description);
  }

  /** Why the server is dead at `now`; undefined if it is alive. */
  private violation(now: number): string | undefined {
    this.updateActivity();
    const { receivedAt } = this.client;
    if (this.silence.exceeded(receivedAt, now)) return `nothing received for ${Math.round(now - receivedAt)} ms`;
    const { pingsOut } = this.heartbeat;
    if (pingsOut > 0 && this.timeout.exceeded(this.pingedAt, now)) {
      return `a PING was not answered for ${Math.round(now - this.pingedAt)} ms`;
    }
    return this.heartbeat.due(now) === 'dead' ? `${pingsOut} PINGs were not answered` : undefined;
  }

  /** Reports the activity on the connection since the last tick to the heartbeat. */
  private updateActivity(): void {
    const { client, heartbeat } = this;
    if (client.receivedAt > this.activeAt) this.onActivity();
    heartbeat.sent(client.sentAt);
  }

  private onActivity(): void {
    this.activeAt = this.client.receivedAt;
    this.heartbeat.received(this.activeAt);
    this.suspect(false);
  }

  private suspect(isSuspect: boolean): void {
    if (this.isSuspected === isSuspect) return;
    this.isSuspected = isSuspect;
    this.listener.suspect(isSuspect);
  }

  private ping(now: number): void {
    const { heartbeat } = this;
    heartbeat.pinged(0, ++this.sequence, now);
    if (heartbeat.pingsOut === 1) this.pingedAt = now;
    else this.suspect(true);
    this.client.beat(this.pingOptions).then(
      (pong) => {
        if (this.stopping.signal.aborted) return;
        this.trips.observe(pong.rtt);
        this.onActivity();
        this.listener.pong(pong);
      },
      // The next tick handles a timeout, and the `close` event handles a lost connection.
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
      now + this.maxTickMs,
    );
    this.clock.clear(this.timer);
    // At least 1 ms, because a timer may fire slightly early.
    this.timer = this.clock.after(Math.max(1, next - now), this.tick);
  }
}

/**
 * Options of the PINGs. A server waits for its checks before it responds. If this wait could exceed the limits, the
 * PING carries a deadline.
 */
function pingOptionsOf({ interval, maxPingsOut, timeout, selection, detail }: MonitorOptions): PingOptions {
  const rounds = interval * 0.75 * maxPingsOut;
  const detectionTime = Math.min(rounds || Number.POSITIVE_INFINITY, timeout || Number.POSITIVE_INFINITY);
  const needsDeadline = selection.scope !== 'liveness' && detectionTime <= 2 * MAX_SERVER_TIMEOUT_MS;
  return {
    ...selection,
    detail,
    responseTimeout: Math.max(MIN_RESPONSE_TIMEOUT_MS, (maxPingsOut + 2) * interval),
    ...(needsDeadline && { timeout: Math.round(Math.min(PING_TIMEOUT_MS, detectionTime / 2)) }),
  };
}
