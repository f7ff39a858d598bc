import { Heartbeat, negotiated } from '../../liveness/heartbeat.js';
import type { TimeLimit } from '../../liveness/time-limit.js';
import { type HelloBody, wireMilliseconds } from '../../wire/bodies.js';
import type { ServerSettings } from '../settings.js';

/** A loop that stood still for longer than this forgets its suspicions, whatever the limit. */
const STALL_TOLERANCE_MS = 5000;

/** What HELLO agreed on for one connection: who it is, who PINGs, and which silence means death. */
export class NegotiatedHello {
  readonly name: string | undefined;
  /** The server's own PINGs; undefined when the client wants none. */
  readonly heartbeat: Heartbeat | undefined;
  /** Silence of a client that promised to PING, in milliseconds, with which it is dead; 0 = it promised nothing. */
  private readonly silence: number;
  private receivedAt: number;

  /** @param idle the idle timeout that HELLO told, which holds for this connection however it is reloaded. */
  constructor(
    hello: HelloBody | undefined,
    settings: ServerSettings['heartbeat'],
    readonly idle: TimeLimit,
    now: number,
  ) {
    const offer = ownOffer(settings);
    const client = hello?.heartbeat ?? { canSendMs: 0, wantMs: 0, mult: 3 };
    const interval = negotiated(offer, client);
    this.name = hello?.name;
    this.heartbeat =
      interval > 0 ? new Heartbeat({ interval, maxPingsOut: settings.maxPingsOut }, now, interval) : undefined;
    this.silence = negotiated(client, offer) * client.mult;
    this.receivedAt = now;
  }

  received(now: number): void {
    this.receivedAt = now;
    this.heartbeat?.received(now);
  }

  /** Takes notice that the own loop stood still: what was suspected then has to last a whole limit again. */
  stalled(lag: number, now: number): void {
    const grave = (limit: number) => limit > 0 && lag > Math.min(STALL_TOLERANCE_MS, limit / 2);
    if (grave(this.silence)) this.receivedAt = now;
    if (this.heartbeat && grave(this.heartbeat.limit)) this.heartbeat.reset(now);
  }

  /** The monotonic moment before which it has nothing to send and nobody to suspect. */
  get lookAt(): number {
    const silent = this.silence > 0 ? this.receivedAt + this.silence : Number.POSITIVE_INFINITY;
    return this.heartbeat ? Math.min(silent, this.heartbeat.dueAt) : silent;
  }

  isDead(now: number): boolean {
    return (this.silence > 0 && now - this.receivedAt >= this.silence) || this.heartbeat?.due(now) === 'dead';
  }
}

/** What a server says of itself in HELLO. */
export function ownOffer(settings: ServerSettings['heartbeat']): { canSendMs: number; wantMs: number } {
  const { pingInterval, idleTimeout } = settings;
  return { canSendMs: wireMilliseconds(pingInterval), wantMs: wireMilliseconds(Math.floor(idleTimeout / 3)) };
}
