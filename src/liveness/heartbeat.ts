/** Part of the interval by which a PING may come early, so that peers do not synchronise. */
const JITTER = 0.25;

/** Round-trip times in milliseconds; all undefined before the first PONG. */
export interface RoundTrips {
  last: number | undefined;
  /** Exponentially smoothed as in TCP (RFC 6298): 7/8 of the previous value, 1/8 of the new one. */
  smoothed: number | undefined;
  min: number | undefined;
}

export interface HeartbeatOptions {
  /** Milliseconds without data in one direction after which a PING is due. */
  interval: number;
  /** Unanswered PINGs after which the peer is dead when the next one is due; 0 = never. */
  maxPingsOut: number;
  /**
   * From 0 to below 1.
   * @default Math.random
   */
  random?: () => number;
}

/**
 * Decides when one side of a connection sends a PING and when the other side is dead (SPEC "Heartbeat"). It owns neither
 * socket nor timer: its owner reports what was sent and received, and calls `due` at `dueAt`.
 */
export class Heartbeat {
  /** PINGs sent since the last data from the peer. */
  pingsOut = 0;
  readonly roundTrips: RoundTrips = { last: undefined, smoothed: undefined, min: undefined };
  private receivedAt: number;
  private sentAt: number;
  private pingedAt = Number.NEGATIVE_INFINITY;
  /** Id of the latest PING until its PONG arrives. */
  private awaited: { idHigh: number; idLow: number } | undefined = undefined;
  /** Interval until the next PING, with jitter. */
  private delay: number;

  /** @param firstWithin the first PING is due at a random time within this many milliseconds. Default: after an interval. */
  constructor(
    private readonly options: HeartbeatOptions,
    now: number,
    firstWithin?: number,
  ) {
    this.receivedAt = now;
    this.sentAt = now;
    this.delay = firstWithin === undefined ? this.jittered() : this.random() * firstWithin;
  }

  /** Data arrived from the peer; any byte shows that it is alive. */
  received(now: number): void {
    this.receivedAt = now;
    this.pingsOut = 0;
  }

  /** Data was sent at `at`; a later `reset` stays in force. */
  sent(at: number): void {
    this.sentAt = Math.max(this.sentAt, at);
  }

  /** Monotonic time at which to call `due`. */
  get dueAt(): number {
    // Nothing outstanding: measured from the direction that has been silent longest. Otherwise: from the last PING.
    const next = (this.pingsOut > 0 ? this.pingedAt : Math.min(this.receivedAt, this.sentAt)) + this.delay;
    // The last wait has no jitter: on a lossy line it would cost one retransmission of TCP.
    return this.isExhausted ? Math.max(next, this.receivedAt + this.limit) : next;
  }

  /** The action that is due at `now`. After `dead`, poll the socket and ask again before acting on it. */
  due(now: number): 'nothing' | 'ping' | 'dead' {
    if (now < this.dueAt) return 'nothing';
    return this.isExhausted ? 'dead' : 'ping';
  }

  /** Silence after which the peer is dead, which is also the maximum detection time, in milliseconds; 0 = never. */
  get limit(): number {
    return (this.options.maxPingsOut + 1) * this.options.interval * (this.options.maxPingsOut > 0 ? 1 : 0);
  }

  /** Restarts all intervals, so that the peer is not dead before a whole limit has passed. For use after a stall of the event loop. */
  reset(now: number): void {
    this.received(now);
    this.sent(now);
  }

  /** A PING with this id is sent. */
  pinged(idHigh: number, idLow: number, now: number): void {
    this.pingsOut++;
    this.pingedAt = now;
    this.sentAt = now;
    this.awaited = { idHigh, idLow };
    this.delay = this.jittered();
  }

  /** A PONG arrived; false if it does not answer the latest PING. */
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

  /** No further PING is sent until data arrives. */
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

/** One side's part of HELLO's `heartbeat`, in milliseconds. */
export interface HeartbeatOffer {
  canSendMs: number;
  wantMs: number;
}

/** Interval of one direction in milliseconds (SPEC "HELLO"): 0, which means none, if either value is 0; else the larger one. */
export function negotiated(sender: HeartbeatOffer, receiver: HeartbeatOffer): number {
  const { canSendMs } = sender;
  const { wantMs } = receiver;
  return canSendMs === 0 || wantMs === 0 ? 0 : Math.max(canSendMs, wantMs);
}
