/** Fraction of the interval by which a PING may be early, so that peers do not synchronize. */
const JITTER = 0.25;

/** Round-trip times in milliseconds. All are undefined before the first PONG. */
export interface RoundTrips {
  last: number | undefined;
  /** Exponentially smoothed as in TCP (RFC 6298): 7/8 of the previous value plus 1/8 of the new one. */
  smoothed: number | undefined;
  min: number | undefined;
}

export interface HeartbeatOptions {
  /** Milliseconds without data in one direction after which a PING is due. */
  interval: number;
  /** Number of unanswered PINGs after which the peer is dead when the next PING is due; 0 = never. */
  maxPingsOut: number;
  /**
   * Returns a number from 0 (inclusive) to 1 (exclusive).
   * @default Math.random
   */
  random?: () => number;
}

/**
 * Decides when one side of a connection sends a PING and when the other side is dead (SPEC "Heartbeat"). It owns
 * neither a socket nor a timer: the owner reports what was sent and received, and calls `due` at `dueAt`.
 */
export class Heartbeat {
  /** Number of PINGs sent since data last arrived from the peer. */
  pingsOut = 0;
  readonly roundTrips: RoundTrips = { last: undefined, smoothed: undefined, min: undefined };
  private receivedAt: number;
  private sentAt: number;
  private pingedAt = Number.NEGATIVE_INFINITY;
  /** Id of the latest PING while its PONG is outstanding. */
  private awaited: { idHigh: number; idLow: number } | undefined = undefined;
  /** Interval until the next PING, with jitter. */
  private delay: number;

  /**
   * @param firstWithin the first PING is due at a random time within this many milliseconds. Default: one interval with
   * jitter.
   */
  constructor(
    private readonly options: HeartbeatOptions,
    now: number,
    firstWithin?: number,
  ) {
    this.receivedAt = now;
    this.sentAt = now;
    this.delay = firstWithin === undefined ? this.jittered() : this.random() * firstWithin;
  }

  /** Reports that data arrived from the peer. Any byte shows that the peer is alive. */
  received(now: number): void {
    this.receivedAt = now;
    this.pingsOut = 0;
  }

  /** Reports that data was sent at `at`. A `reset` later than `at` remains in effect. */
  sent(at: number): void {
    this.sentAt = Math.max(this.sentAt, at);
  }

  /** Monotonic time at which to call `due`. */
  get dueAt(): number {
    // With a PING outstanding, the delay starts at the last PING. Otherwise, the delay starts at the last activity of
    // the direction that has been silent longest.
    const next = (this.pingsOut > 0 ? this.pingedAt : Math.min(this.receivedAt, this.sentAt)) + this.delay;
    // The final wait has no jitter. A shorter wait would leave less time for a TCP retransmission on a lossy network.
    return this.isExhausted ? Math.max(next, this.receivedAt + this.limit) : next;
  }

  /**
   * Returns the action that is due at `now`. On `dead`, the caller must poll the socket and call `due` again before it
   * acts.
   */
  due(now: number): 'nothing' | 'ping' | 'dead' {
    if (now < this.dueAt) return 'nothing';
    return this.isExhausted ? 'dead' : 'ping';
  }

  /** Silence in milliseconds after which the peer is dead, which is also the maximum detection time; 0 = never. */
  get limit(): number {
    return (this.options.maxPingsOut + 1) * this.options.interval * (this.options.maxPingsOut > 0 ? 1 : 0);
  }

  /** Restarts all intervals after an event loop stall, so that the peer is not dead before a whole limit has passed. */
  reset(now: number): void {
    this.received(now);
    this.sent(now);
  }

  /** Reports that a PING with this id was sent. */
  pinged(idHigh: number, idLow: number, now: number): void {
    this.pingsOut++;
    this.pingedAt = now;
    this.sentAt = now;
    this.awaited = { idHigh, idLow };
    this.delay = this.jittered();
  }

  /** Reports that a PONG arrived. Returns false if the PONG does not answer the latest PING. */
  ponged(idHigh: number, idLow: number, now: number): boolean {
    const { awaited, roundTrips } = this;
    if (awaited === undefined || awaited.idHigh !== idHigh || awaited.idLow !== idLow) return false;
    this.awaited = undefined;
    const time = now - this.pingedAt;
    roundTrips.last = time;
    roundTrips.smoothed = roundTrips.smoothed === undefined ? time : roundTrips.smoothed * 0.875 + time * 0.125;
    roundTrips.min = Math.min(roundTrips.min ?? time, time);
    return true;
  }

  /** Whether no further PING is sent until data arrives. */
  private get isExhausted(): boolean {
    return this.options.maxPingsOut > 0 && this.pingsOut >= this.options.maxPingsOut;
  }

  private jittered(): number {
    return this.options.interval * (1 - JITTER * this.random());
  }

  private random(): number {
    return (this.options.random ?? Math.random)();
  }
}

/** One side's part of `heartbeat` in HELLO, in milliseconds. */
export interface HeartbeatOffer {
  canSendMs: number;
  wantMs: number;
}

/**
 * Interval of one direction in milliseconds (SPEC "HELLO"): the larger of the two values, or 0 (none) if either is 0.
 */
export function negotiated(sender: HeartbeatOffer, receiver: HeartbeatOffer): number {
  const { canSendMs } = sender;
  const { wantMs } = receiver;
  return canSendMs === 0 || wantMs === 0 ? 0 : Math.max(canSendMs, wantMs);
}
