import type { Clock, Timer } from '../clock.js';
import type { Scope } from '../health/health.js';
import { Heartbeat } from '../link/heartbeat.js';
import type { Client } from './client.js';
import type { Pong } from './pong.js';

/** A loop that stood still for longer than this forgets its suspicions, whatever the limit. */
const LONGEST_UNNOTICED_STALL = 5000;
/** A PONG that comes later than this is of no interest to anyone. */
const LONGEST_WAIT = 3_600_000;

export interface PulseOptions {
  /** Milliseconds between two PINGs. */
  interval: number;
  /** Unanswered PINGs with which the server is dead when the next is due; 0 = never. */
  maxPingsOut: number;
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
  dead(sentence: string): void;
}

/**
 * The heartbeat of one connection: it PINGs when that is due, suspects, and
 * convicts after a second look, never inside the timer that raised the
 * suspicion (SPEC "Failure detection").
 */
export class Pulse {
  readonly heartbeat: Heartbeat;
  private readonly limit: number;
  private timer: Timer;
  private expectedAt = 0;
  private seenAt: number;
  private forgivenAt: number;
  private sequence = 0;
  private stopped = false;

  constructor(
    private readonly client: Client,
    private readonly options: PulseOptions,
    private readonly clock: Clock,
    private readonly listener: PulseListener,
  ) {
    const now = clock.now();
    this.seenAt = now;
    this.forgivenAt = now;
    // The first PING at once: what the server says of itself is wanted now.
    this.heartbeat = new Heartbeat(options, now, 0);
    this.limit = Math.max(this.heartbeat.limit, options.silence);
    this.look();
  }

  stop(): void {
    this.stopped = true;
    this.clock.clear(this.timer);
  }

  private readonly look = (): void => {
    const now = this.clock.now();
    const lag = this.expectedAt === 0 ? 0 : now - this.expectedAt;
    if (lag > Math.min(LONGEST_UNNOTICED_STALL, this.limit / 2)) {
      this.heartbeat.forgive(now);
      this.forgivenAt = now;
    }
    if (this.finding(now) !== undefined) {
      // The octets that acquit it may lie in the socket: look again after a poll of the loop.
      setImmediate(() => setImmediate(() => this.judge()));
      return;
    }
    if (this.heartbeat.due(now) === 'ping') this.ping(now);
    this.schedule(now);
  };

  private judge(): void {
    if (this.stopped) return;
    const now = this.clock.now();
    const sentence = this.finding(now);
    if (sentence === undefined) return this.schedule(now);
    this.stop();
    this.listener.dead(sentence);
  }

  /** What there is to accuse the server of at `now`. */
  private finding(now: number): string | undefined {
    this.takeNotice();
    const { maxPingsOut, silence } = this.options;
    const quiet = now - Math.max(this.client.receivedAt, this.forgivenAt);
    if (silence > 0 && quiet >= silence) return `nothing came for ${Math.round(quiet)} ms`;
    return this.heartbeat.due(now) === 'dead' ? `${maxPingsOut} PINGs were not answered` : undefined;
  }

  /** Hands on what the connection has seen since the last look. */
  private takeNotice(): void {
    const { client, heartbeat } = this;
    if (client.receivedAt > this.seenAt) {
      const wasLate = heartbeat.pingsOut > 1;
      this.seenAt = client.receivedAt;
      heartbeat.received(client.receivedAt);
      if (wasLate) this.listener.suspect(false);
    }
    heartbeat.sent(client.sentAt);
  }

  private ping(now: number): void {
    const { client, heartbeat, options } = this;
    const id = ++this.sequence;
    heartbeat.pinged(0, id, now);
    if (heartbeat.pingsOut > 1) this.listener.suspect(true);
    client.ping({ scope: options.scope, detail: options.detail, wait: LONGEST_WAIT }).then(
      (pong) => {
        if (this.stopped) return;
        this.takeNotice();
        heartbeat.ponged(0, id, this.clock.now());
        this.listener.pong(pong);
        this.schedule(this.clock.now());
      },
      // The connection is lost, which its own event tells.
      () => {},
    );
  }

  private schedule(now: number): void {
    if (this.stopped) return;
    const { silence } = this.options;
    const silent = silence > 0 ? Math.max(this.client.receivedAt, this.forgivenAt) + silence : Number.POSITIVE_INFINITY;
    const next = Math.max(now, Math.min(this.heartbeat.dueAt, silent));
    this.clock.clear(this.timer);
    // Never less than a millisecond: a timer may fire a fraction early.
    this.timer = this.clock.after(Math.max(1, next - now), this.look);
    this.expectedAt = Math.max(now + 1, next);
  }
}
