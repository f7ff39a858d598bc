import { isIP } from 'node:net';
import type { LinkOptions } from '../client/link/link-options.js';
import { type Clock, systemClock, type Timer } from '../common/clock.js';
import { Listeners } from '../common/listeners.js';
import { HistoryRecorder } from '../health/history/recorder.js';
import type { Slot } from '../health/history/slot.js';
import type { State } from '../health/state.js';
import { formatPeerAddress, type PeerAddress } from '../net/peer-address.js';
import { type Peer, PeerDirectory, type Resolver, tlsFor } from '../net/peer-directory.js';
import { ConcurrencyLimit } from './concurrency.js';
import { Responder, type ResponderState, responderStates } from './responder.js';

/** Maximum number of responders. */
const MAX_RESPONDERS = 500;
/** Maximum number of concurrent connection attempts. */
const MAX_ATTEMPTS = 50;
/** The first attempts are spread at random over this time, multiplied by the number of responders. In milliseconds. */
const SPREAD_MS = 2;
const REFRESH_MS = 10_000;
/** How long an unreachable responder is kept after it has disappeared from DNS. */
const KEEP_UNREACHABLE_MS = 60_000;
/**
 * How long a connected responder is kept after it has disappeared from DNS. Names may resolve to ready responders only,
 * and the failing ones are of interest.
 */
const KEEP_CONNECTED_MS = 3_600_000;
/** History shown per responder, in minutes. */
export const SHOWN_MINUTES = 60;
/** Enough for more than 60 slots for each of `MAX_RESPONDERS` responders. */
const MAX_HISTORY_BYTES = 1024 * 1024;

/** Maximum number of responders to which these addresses may resolve. */
export function maxResponders(from: readonly PeerAddress[]): number {
  return from.every((one) => one.kind !== 'srv' && isIP(one.host) !== 0) ? from.length : MAX_RESPONDERS;
}

export interface FleetOptions {
  readonly from: readonly PeerAddress[];
  /** Called before each new connection. */
  identity(): Pick<LinkOptions, 'token' | 'tls'>;
  /** URL of each responder's status page, in which `{host}` is replaced by its address. */
  readonly statusUrl?: string | undefined;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default the resolver of Node.js */
  readonly resolver?: Resolver;
  /**
   * Returns a number from 0 (inclusive) to 1 (exclusive).
   * @default Math.random
   */
  readonly random?: () => number;
}

/** The responders of a fleet, with one connection and one WATCH per responder. */
export class Fleet {
  /** Incremented on each change. */
  version = 0;
  /** Number of addresses above the maximum. No connection to them is opened. */
  excess = 0;
  statusUrl: string | undefined;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly recorder: HistoryRecorder;
  private readonly changes = new Listeners<[]>();
  private readonly byKey = new Map<string, Responder>();
  private readonly attempts = new ConcurrencyLimit(MAX_ATTEMPTS);
  /** Connections that are being closed. */
  private readonly closing = new Set<Promise<void>>();
  private directory: PeerDirectory;
  private identity: FleetOptions['identity'];
  private timer: Timer;
  private isClosed = false;

  constructor(private readonly options: FleetOptions) {
    const { from, identity, statusUrl, clock = systemClock, random = Math.random } = options;
    this.clock = clock;
    this.random = random;
    this.recorder = new HistoryRecorder({ clock, maxBytes: MAX_HISTORY_BYTES });
    this.directory = this.directoryOf(from);
    this.identity = identity;
    this.statusUrl = statusUrl;
  }

  /** Resolves the names and opens connections until `close`. */
  start(): void {
    void this.refresh(false);
  }

  /**
   * Applies other addresses, and other credentials for new connections. Responders that remain keep their connections.
   */
  reload({ from, identity, statusUrl }: Pick<FleetOptions, 'from' | 'identity' | 'statusUrl'>): void {
    this.directory = this.directoryOf(from);
    this.identity = identity;
    this.statusUrl = statusUrl;
    this.clock.clear(this.timer);
    void this.refresh(true);
  }

  /** Closes all connections. Never rejects. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.clock.clear(this.timer);
    for (const responder of this.byKey.values()) this.drop(responder);
    this.recorder.close();
    await Promise.all(this.closing);
  }

  /** All responders, sorted by urgency of their state, then by service and address. */
  get responders(): readonly Responder[] {
    return [...this.byKey.values()].sort(
      (a, b) =>
        responderStates.indexOf(a.state) - responderStates.indexOf(b.state) ||
        compare(a.digest?.service ?? '', b.digest?.service ?? '') ||
        compare(a.sortKey, b.sortKey),
    );
  }

  /** Number of responders per state. */
  get counts(): Readonly<Record<ResponderState, number>> {
    const counts = Object.fromEntries(responderStates.map((state) => [state, 0])) as Record<ResponderState, number>;
    for (const { state } of this.byKey.values()) counts[state]++;
    return counts;
  }

  /** The names that have never resolved to an address. */
  get unresolved(): readonly string[] {
    return this.directory.unresolved.map(formatPeerAddress);
  }

  /** Wall-clock time at which the current minute began, in milliseconds. */
  get minute(): number {
    return this.recorder.minute;
  }

  /** The last `count` minutes of a responder, oldest first. Its state is `unknown` while it is unreachable. */
  slots({ peer }: Responder, count: number): readonly (Slot | undefined)[] {
    return this.recorder.series(peer.key)?.slots(count) ?? Array.from({ length: count }, () => undefined);
  }

  /** Calls `listener` on each change. Returns a function that unsubscribes it. */
  onChange(listener: () => void): () => void {
    return this.changes.add(listener);
  }

  private directoryOf(from: readonly PeerAddress[]): PeerDirectory {
    return new PeerDirectory(from, this.clock, this.options.resolver, MAX_RESPONDERS);
  }

  private async refresh(isReload: boolean): Promise<void> {
    const { directory } = this;
    await directory.refresh();
    if (this.isClosed || directory !== this.directory) return;
    this.sync(isReload);
    this.timer = this.clock.after(REFRESH_MS, () => this.refresh(false));
  }

  /**
   * Adds and removes responders according to the addresses.
   * @param isReload whether missing addresses were removed from the configuration.
   */
  private sync(isReload: boolean): void {
    const peers = new Map(this.directory.peers.map((peer) => [peer.key, peer]));
    const now = this.clock.now();
    for (const responder of this.byKey.values()) {
      if (peers.delete(responder.peer.key)) {
        responder.leftAt = undefined;
        continue;
      }
      responder.leftAt ??= now;
      const kept = responder.isConnected ? KEEP_CONNECTED_MS : KEEP_UNREACHABLE_MS;
      if (isReload || now - responder.leftAt >= kept) this.drop(responder);
    }
    const left = [...this.byKey.values()].filter(({ leftAt }) => leftAt !== undefined);
    for (const responder of left.slice(0, Math.max(0, this.byKey.size + peers.size - MAX_RESPONDERS))) {
      this.drop(responder);
    }
    const added = [...peers.values()].slice(0, MAX_RESPONDERS - this.byKey.size);
    for (const peer of added) this.add(peer, this.random() * SPREAD_MS * added.length);
    this.excess = peers.size - added.length;
    this.changed();
  }

  private add(peer: Peer, delay: number): void {
    const { clock, random, attempts } = this;
    const responder = new Responder(peer, delay, {
      clock,
      random,
      attempts,
      identity: () => {
        const { tls, ...token } = this.identity();
        return { ...token, ...tlsFor(peer, tls) };
      },
      changed: () => {
        this.recorder.setState(peer.key, recordedState(responder.state));
        this.changed();
      },
    });
    this.byKey.set(peer.key, responder);
  }

  private drop(responder: Responder): void {
    this.byKey.delete(responder.peer.key);
    this.recorder.remove(responder.peer.key);
    const closed: Promise<void> = responder.close().then(() => void this.closing.delete(closed));
    this.closing.add(closed);
  }

  private changed(): void {
    this.version++;
    this.changes.call();
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The state to record. Nothing is known about a responder while it is unreachable. */
function recordedState(state: ResponderState): State | undefined {
  if (state === 'connecting') return undefined;
  return state === 'unreachable' ? 'unknown' : state;
}
