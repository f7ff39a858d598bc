import type { Client } from '../client/client.js';
import { type Link, openLink } from '../client/link/link.js';
import type { LinkChange, LinkOptions } from '../client/link/link-options.js';
import type { Report } from '../client/report.js';
import type { Clock, Timer } from '../common/clock.js';
import { printable } from '../common/printable.js';
import type { State } from '../health/state.js';
import { hostAndPort } from '../net/address.js';
import type { Peer } from '../net/peer-directory.js';
import { type Digest, digest } from './digest.js';

/** States of a responder, in the order in which responders are listed. `connecting`: not connected yet. */
export const responderStates = [
  'fail',
  'unreachable',
  'unknown',
  'starting',
  'draining',
  'warn',
  'connecting',
  'pass',
] as const;
export type ResponderState = (typeof responderStates)[number];

/** A dead responder is detected 15 to 20 s after its last byte, a terminated process immediately. */
const HEARTBEAT = { interval: 5000, maxPingsOut: 3 };
const CONNECT_TIMEOUT_MS = 3000;
/** Maximum delay before a reconnection attempt, unless many other responders are unreachable. */
const MAX_BACKOFF_MS = 10_000;
/**
 * Interval between reads of a connection. Each read takes at most 64 KiB, so a responder that sends without end costs
 * little.
 */
const READ_INTERVAL_MS = 50;

let nextId = 0;

export interface ResponderContext extends Required<Pick<LinkOptions, 'attempts' | 'identity' | 'random'>> {
  readonly clock: Clock;
  /** Called when the state or digest has changed. */
  readonly changed: () => void;
}

/** One responder of a fleet. Its state comes from a WATCH over a connection that is reopened when it ends. */
export class Responder {
  state: ResponderState = 'connecting';
  /** Wall-clock time at which this state began, in milliseconds. */
  since: number;
  /** Why the responder is unreachable or draining. */
  why: string | undefined;
  /**
   * Digest of the last report; undefined if there is none. While the responder is unreachable, it contains only the
   * service.
   */
  digest: Digest | undefined;
  /** Unique in this process. */
  readonly id = nextId++;
  /** The address in a form that sorts 10.0.0.9 before 10.0.0.10. */
  readonly sortKey: string;
  /** Monotonic time at which the responder disappeared from DNS; undefined while it is listed. */
  leftAt: number | undefined;
  private link: Link | undefined;
  /** False if the responder does not permit WATCH. The heartbeats report its status instead. */
  private isWatching = true;
  private isClosed = false;
  private readonly timer: Timer;

  /** @param delay delay before the first connection attempt, in milliseconds. */
  constructor(
    readonly peer: Peer,
    delay: number,
    private readonly context: ResponderContext,
  ) {
    const { clock } = context;
    this.since = clock.wall();
    this.sortKey = peer.key.replace(/\d+/g, (digits) => digits.padStart(5, '0'));
    this.timer = clock.after(delay, () => this.open());
  }

  /** Whether a connection is open. */
  get isConnected(): boolean {
    return this.link?.client !== undefined;
  }

  /** Closes the connection. Never rejects. */
  async close(): Promise<void> {
    this.context.clock.clear(this.timer);
    this.isClosed = true;
    await this.link?.close();
  }

  private open(): void {
    const { clock, random, attempts, identity } = this.context;
    const link = openLink(this.peer.address, {
      name: 'pongcheck fleet',
      clock,
      random,
      attempts,
      identity,
      heartbeat: HEARTBEAT,
      connectTimeout: CONNECT_TIMEOUT_MS,
      backoff: { max: MAX_BACKOFF_MS },
      onUp: (client) => {
        const { socket } = client;
        socket.on('data', () => {
          socket.pause();
          clock.after(READ_INTERVAL_MS, () => socket.resume());
        });
        void this.follow(client);
      },
    });
    link.on('state', (change) => this.onLinkState(change));
    link.on('status', (status) => {
      if (!this.isWatching) this.onStatus(status, undefined);
    });
    this.link = link;
  }

  /** Follows the status until the connection ends. Never rejects. */
  private async follow(client: Client): Promise<void> {
    const isCurrent = () => this.link?.client === client;
    this.isWatching = true;
    try {
      const watch = client.watch({ detail: true });
      for await (const { status, report } of watch) {
        // Reports may be large, so only the digest is kept.
        watch.latest = undefined;
        if (isCurrent()) this.onStatus(status, report);
      }
    } catch {
      if (client.ended || !isCurrent()) return;
      this.isWatching = false;
      const status = this.link?.status;
      if (status) this.onStatus(status, undefined);
    }
  }

  private onStatus(status: State, report: Report | undefined): void {
    this.digest = report && digest(status, report);
    if (this.link?.client?.goaway) this.update('draining', this.why);
    else this.update(status === 'not-found' ? 'unknown' : status, undefined);
  }

  private onLinkState({ state, why }: LinkChange): void {
    if (state === 'draining') this.update('draining', this.withoutAddress(why));
    if (state !== 'down') return;
    const service = this.digest?.service;
    this.digest = service === undefined ? undefined : { service, causes: [], failing: [] };
    this.update('unreachable', this.withoutAddress(why));
  }

  private update(state: ResponderState, why: string | undefined): void {
    if (this.isClosed) return;
    const now = this.context.clock.wall();
    // The reported age applies only to the first status. The beginning of each later state is observed here.
    if (this.state === 'connecting') this.since = Math.max(0, now - (this.digest?.age ?? 0));
    else if (this.state !== state) this.since = now;
    this.state = state;
    this.why = why;
    this.context.changed();
  }

  /** Removes the address, so that the same reason is the same text for all responders. */
  private withoutAddress(why: string): string {
    const where = hostAndPort(this.peer.address);
    return printable(why.replace(` to ${where}`, '').replace(`${where} `, ''));
  }
}
