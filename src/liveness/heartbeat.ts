/** The most that a PING comes early, as a part of the interval, so that peers do not beat in step. */
const JITTER = 0.25;

/** Round-trip times in milliseconds; all undefined before the first PONG. */
export interface RoundTrips {
  last: number | undefined;
  /** Smoothed as TCP does it (RFC 6298): seven eighths of what was, one of what is new. */
  smoothed: number | undefined;
  min: number | undefined;
}

export interface HeartbeatOptions {
  /** Milliseconds without a word in one direction after which a PING is due. */
  interval: number;
  /** Unanswered PINGs with which the peer is dead when the next is due; 0 = never. */
  maxPingsOut: number;
  /** 0 to below 1. Default `Math.random`. */
  random?: () => number;
}

/**
 * When one side of a connection PINGs, and when it calls the other dead (SPEC
 * "Heartbeat"). It owns neither socket nor timer: who does tells it what came
 * and went, and asks at `dueAt` what is to be done.
 */
export class Heartbeat {
  /** PINGs since the peer last gave a sign of life. */
  pingsOut = 0;
  readonly roundTrips: RoundTrips = { last: undefined, smoothed: undefined, min: undefined };
  private receivedAt: number;
  private sentAt: number;
  private pingedAt = Number.NEGATIVE_INFINITY;
  /** Of the latest PING, while its PONG is awaited. */
  private awaited: { idHigh: number; idLow: number } | undefined = undefined;
  /** The interval of this round, with its jitter. */
  private wait: number;

  /** `firstWithin`: the first PING is due at a random moment of so many milliseconds; default: after an interval. */
  constructor(
    private readonly options: HeartbeatOptions,
    now: number,
    firstWithin?: number,
  ) {
    this.receivedAt = now;
    this.sentAt = now;
    this.wait = firstWithin === undefined ? this.jittered() : this.random() * firstWithin;
  }

  /** Any octet from the peer is a sign of life. */
  received(now: number): void {
    this.receivedAt = now;
    this.pingsOut = 0;
  }

  /** Something went out at `at`; what has been forgiven since stays so. */
  sent(at: number): void {
    this.sentAt = Math.max(this.sentAt, at);
  }

  /** The monotonic moment at which `due` is to be asked. */
  get dueAt(): number {
    // With nothing outstanding: what has been silent longest, either direction. Otherwise a round after the last PING.
    const next = (this.pingsOut > 0 ? this.pingedAt : Math.min(this.receivedAt, this.sentAt)) + this.wait;
    // A conviction has no use for jitter: on a line that loses much, the time that it takes off is one more try of TCP.
    return this.exhausted ? Math.max(next, this.receivedAt + this.limit) : next;
  }

  /** What is to be done at `now`. `dead` is an accusation, to be looked at once more before it is acted on. */
  due(now: number): 'nothing' | 'ping' | 'dead' {
    if (now < this.dueAt) return 'nothing';
    return this.exhausted ? 'dead' : 'ping';
  }

  /** Silence with which the peer is dead, so how long that goes unnoticed at most, in milliseconds; 0 = for ever. */
  get limit(): number {
    return (this.options.maxPingsOut + 1) * this.options.interval * (this.options.maxPingsOut > 0 ? 1 : 0);
  }

  /** Forgives: everything begins anew, so that a whole limit passes before the next conviction. For after a stall of the own loop. */
  reset(now: number): void {
    this.received(now);
    this.sent(now);
  }

  /** A PING with this id leaves. */
  pinged(idHigh: number, idLow: number, now: number): void {
    this.pingsOut++;
    this.pingedAt = now;
    this.sentAt = now;
    this.awaited = { idHigh, idLow };
    this.wait = this.jittered();
  }

  /** A PONG came. False: nobody asked for it. */
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

  /** No more PINGs are sent before a sign of life. */
  private get exhausted(): boolean {
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

/** The interval of one direction (SPEC "HELLO"): none (0) if either value is 0, else the larger of both. */
export function negotiated(sender: HeartbeatOffer, receiver: HeartbeatOffer): number {
  const { canSendMs } = sender;
  const { wantMs } = receiver;
  return canSendMs === 0 || wantMs === 0 ? 0 : Math.max(canSendMs, wantMs);
}
