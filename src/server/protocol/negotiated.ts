import { Heartbeat, negotiated } from '../../liveness/heartbeat.js';
import { stallTolerance, TimeLimit } from '../../liveness/time-limit.js';
import { type HelloBody, wireMilliseconds } from '../../wire/bodies.js';
import type { ServerSettings } from '../settings.js';

/** Result of HELLO for one connection: the client's name, the heartbeats of both sides, and the idle timeout. */
export class NegotiatedHello {
  readonly name: string | undefined;
  /** The server's own PINGs; undefined if the client does not want any. */
  readonly heartbeat: Heartbeat | undefined;
  /** Silence after which a client that announced PINGs is dead. */
  readonly silence: TimeLimit;

  /** @param idle idle timeout announced in HELLO. A reload does not change it for this connection. */
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
    this.silence = new TimeLimit(negotiated(client, offer) * client.mult);
  }

  /**
   * Reports that the event loop was blocked for `lag` milliseconds until `now`. Restarts the limits whose tolerance
   * this exceeds.
   */
  onStall(lag: number, now: number): void {
    this.silence.onStall(lag, now);
    const limit = this.heartbeat?.limit ?? 0;
    if (limit > 0 && lag > stallTolerance(limit)) this.heartbeat?.reset(now);
  }

  /** Monotonic time before which no PING is due and a client that is silent since `idleSince` is not dead. */
  nextCheckAt(idleSince: number): number {
    const silent = this.silence.endsAt(idleSince);
    return this.heartbeat ? Math.min(silent, this.heartbeat.dueAt) : silent;
  }
}

/** The `heartbeat` that the server sends in its HELLO. */
export function ownOffer(settings: ServerSettings['heartbeat']): { canSendMs: number; wantMs: number } {
  const { pingInterval, idleTimeout } = settings;
  return { canSendMs: wireMilliseconds(pingInterval), wantMs: wireMilliseconds(Math.floor(idleTimeout / 3)) };
}
