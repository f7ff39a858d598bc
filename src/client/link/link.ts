import { EventEmitter } from 'node:events';
import { type Clock, systemClock, type Timer } from '../../common/clock.js';
import { PongcheckError } from '../../common/errors.js';
import type { State } from '../../health/state.js';
import { negotiated } from '../../liveness/heartbeat.js';
import type { Address } from '../../net/address.js';
import type { HelloBody } from '../../wire/bodies.js';
import type { Client } from '../client.js';
import type { CloseReason } from '../errors.js';
import { targetOf } from '../open.js';
import { validateLinkOptions } from '../options.js';
import type { Goaway, Pong } from '../responses.js';
import type { WatchedStatus, WatchOptions } from '../watch.js';
import { AddressList } from './addresses.js';
import { Connector, selectionOf } from './connector.js';
import { FailbackProbe } from './failback.js';
import { HeartbeatMonitor } from './heartbeat-monitor.js';
import { type HeartbeatSettings, heartbeatSettings, limitInterval } from './heartbeat-settings.js';
import { Hooks } from './hooks.js';
import { changesOf, watchOf } from './iterations.js';
import type { LinkChange, LinkEvents, LinkOptions, LinkState } from './link-options.js';
import type { RoundTripTimes } from './round-trips.js';

/** Lifetime in milliseconds after which a connection is considered stable and earlier failures are reset. */
const STABLE_MS = 5000;
/** Time in milliseconds for the old connection to complete its requests, if the server sent no grace period. */
const GRACE_MS = 1000;
const FAILOVER_ON: readonly State[] = ['fail', 'draining', 'unknown'];

/**
 * Maintains one healthy connection to one of several addresses, with heartbeats, failover, failback, backoff and draining.
 * Created by `openLink`. Keeps the process alive until `close` is called.
 */
export class Link extends EventEmitter<LinkEvents> {
  /** The current connection; undefined while there is none. */
  client: Client | undefined;
  state: LinkState = 'connecting';
  /** Status in the last PONG of the current connection. */
  status: State | undefined;
  private readonly options: LinkOptions;
  private readonly heartbeat: Required<HeartbeatSettings>;
  private readonly serverPings: number;
  private readonly clock: Clock;
  private readonly addressList: AddressList;
  private readonly failbackProbe: FailbackProbe;
  private readonly hooks: Hooks;
  private readonly connector: Connector;
  private readonly abort = new AbortController();
  private monitor: HeartbeatMonitor | undefined;
  /** While the link is down, fires at the next attempt. While it is up, fires when the connection is stable. */
  private timer: Timer;
  /** The current connection attempt; never rejects. */
  private connecting: Promise<void> | undefined;
  private hasWarned = false;
  /** Keeps the process alive between two connections, because timers of the clock do not. */
  private readonly keepProcessAlive: NodeJS.Timeout;

  constructor(
    private readonly addresses: readonly Address[],
    options: LinkOptions,
  ) {
    super();
    // Each `changes` and each `watch` may add a listener, so Node.js must not warn about a leak.
    this.setMaxListeners(Number.POSITIVE_INFINITY);
    const { heartbeat = 'default', clock = systemClock, random = Math.random, backoff = {}, failback = true } = options;
    this.options = options;
    this.heartbeat = heartbeatSettings(heartbeat);
    this.serverPings = options.serverPings ?? 0;
    this.clock = clock;
    this.addressList = new AddressList({ count: addresses.length, failback, backoff, random });
    this.failbackProbe = new FailbackProbe(
      clock,
      { interval: this.heartbeat.interval, backoff, random },
      () => this.candidates().map((index) => this.addressList.remainingDelay(index, clock.now())),
      () => this.probeCandidates(),
    );
    this.connector = new Connector(options, {
      clock,
      signal: this.abort.signal,
      heartbeat: { canSendMs: Math.round(this.heartbeat.interval), wantMs: this.serverPings },
    });
    this.hooks = new Hooks(options, clock, (description) => this.emit('warning', description));
    this.keepProcessAlive = setInterval(() => {}, 2 ** 30);
    queueMicrotask(() => this.connectNext('starting'));
  }

  get address(): Address {
    return this.addresses[this.addressList.index] as Address;
  }

  /** Heartbeat round-trip times on the current connection, in milliseconds; undefined before the first PONG. */
  get roundTrips(): RoundTripTimes | undefined {
    return this.monitor?.roundTrips;
  }

  /**
   * Closes the link. Waits up to one second for outstanding requests, and calls `onDown`.
   *
   * @returns a promise that never rejects.
   */
  async close(): Promise<void> {
    const { client } = this;
    this.abort.abort();
    clearInterval(this.keepProcessAlive);
    if (client) this.detach(client, 'was closed by this program');
    this.clock.clear(this.timer);
    this.change('closed', 'was closed by this program');
    await Promise.all([client?.close(), this.connecting, this.failbackProbe.end()]);
    await this.hooks.done();
  }

  /** Iterates over the state changes from now until the link is closed. At most 1000 are queued; the oldest are dropped. */
  changes(): AsyncGenerator<LinkChange, void, void> {
    return changesOf(this);
  }

  /**
   * Watches the current server, across reconnections. Each connection yields the current status first. Ends when the link is
   * closed or the signal aborts.
   *
   * @throws PongcheckError `PONGCHECK_REFUSED` if a server does not permit the watch.
   */
  watch(options: WatchOptions = {}): AsyncGenerator<WatchedStatus, void, void> {
    return watchOf(this, options);
  }

  private get closed(): boolean {
    return this.abort.signal.aborted;
  }

  // -- connections -----------------------------------------------------------

  private connectNext(why: string): void {
    if (this.closed) return;
    this.change('connecting', why);
    this.connecting = this.connector.open(this.address).then(
      ({ client, hello }) => this.adopt(client, hello),
      (error: unknown) => this.retry((error as Error).message),
    );
  }

  /** Makes `client` the current connection, unless the link has been closed. */
  private adopt(client: Client, hello: HelloBody): void {
    if (this.closed) return client.destroy();
    const server = hello.heartbeat ?? { canSendMs: 0, wantMs: 0, mult: 3 };
    const silence = negotiated(server, { canSendMs: 0, wantMs: this.serverPings }) * server.mult;
    const { detail = false, random = Math.random } = this.options;
    this.client = client;
    this.status = undefined;
    client.once('close', (reason, error) => this.onClosed(client, reason, error?.message));
    this.timer = this.clock.after(STABLE_MS, () => {
      if (client.goaway === undefined) this.addressList.markStable();
    });
    const interval = limitInterval(this.heartbeat.interval, hello.idleTimeoutMs);
    const settings = { ...this.heartbeat, interval, selection: selectionOf(this.options), detail, silence, random };
    this.monitor = new HeartbeatMonitor(client, settings, this.clock, {
      pong: (pong) => this.onPong(client, pong),
      suspect: (isSuspect) => this.onSuspect(client, isSuspect),
      dead: (description) => client.terminate(description),
    });
    client.on('goaway', (goaway) => this.onGoaway(client, goaway));
    if (client.goaway) this.onGoaway(client, client.goaway);
    if (interval < this.heartbeat.interval) this.warnOfInterval(interval, hello.idleTimeoutMs);
  }

  /** Emits the warning once per link. */
  private warnOfInterval(interval: number, idleTimeout: number | undefined): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    this.emit(
      'warning',
      `heartbeat.interval is reduced from ${this.heartbeat.interval} ms to ${interval} ms: the server closes connections that are idle for ${idleTimeout} ms`,
    );
  }

  /** Handles a PONG. The first one on a connection makes the link `up`. */
  private onPong(client: Client, pong: Pong): void {
    if (this.client !== client) return;
    const { status } = pong;
    const before = this.status;
    this.status = status;
    const isDraining = status === 'draining' || client.goaway !== undefined;
    if (before === undefined) this.hooks.up(client);
    if (before === undefined || isDraining !== (this.state === 'draining')) {
      this.change(isDraining ? 'draining' : 'up', `status ${status}`);
    }
    this.emit('pong', pong);
    if (before !== status) this.emit('status', status, pong);
    if (before !== status && this.shouldFailOver) this.failbackProbe.start();
    else this.failbackProbe.continue();
  }

  private onSuspect(client: Client, isSuspect: boolean): void {
    if (this.client !== client || this.status === undefined || this.state === 'draining') return;
    this.change(isSuspect ? 'suspect' : 'up', isSuspect ? 'a PING is unanswered' : 'the server answers again');
  }

  private onClosed(client: Client, reason: CloseReason, description: string = reason): void {
    if (this.client !== client) return;
    this.detach(client, description);
    this.retry(description);
  }

  /** Stops using `client`, without closing it. */
  private detach(client: Client, why: string): void {
    const wasUp = this.status !== undefined;
    this.monitor?.stop();
    this.monitor = undefined;
    this.client = undefined;
    this.status = undefined;
    this.clock.clear(this.timer);
    this.failbackProbe.stop();
    if (wasUp) this.hooks.down(why, client);
  }

  private retry(why: string): void {
    if (this.closed) return;
    const delay = this.addressList.next(this.clock.now());
    this.change('down', why);
    this.timer = this.clock.after(delay, () => this.connectNext('retrying'));
  }

  /**
   * Probes other addresses immediately, and the same address once its server permits a new connection. If the server
   * sends several GOAWAYs, the last one applies.
   */
  private onGoaway(client: Client, { reconnectAfterMs = 0, reason }: Goaway): void {
    if (this.client !== client) return;
    this.addressList.delay(this.addressList.index, reconnectAfterMs, this.clock.now());
    // While the link drains, other addresses are already probed, so a repeated GOAWAY must not probe them again.
    const isLeaving = this.state === 'draining';
    this.change('draining', `GOAWAY: ${reason}`);
    if (isLeaving) this.failbackProbe.continue();
    else this.failbackProbe.start();
  }

  // -- failover and failback -------------------------------------------------

  private get shouldFailOver(): boolean {
    const { failoverOn = FAILOVER_ON } = this.options;
    return this.state === 'draining' || (this.status !== undefined && failoverOn.includes(this.status));
  }

  /** Addresses to probe. After GOAWAY, they include the current one, because a new connection may reach another server. */
  private candidates(): number[] {
    const { addressList, client } = this;
    return [...addressList.alternatives(this.shouldFailOver), ...(client?.goaway ? [addressList.index] : [])];
  }

  /** Probes each candidate that permits a connection, and switches to the first usable one. Resolves with true if another round is needed. */
  private async probeCandidates(): Promise<boolean> {
    const { client } = this;
    for (const index of this.candidates()) {
      if (this.client === undefined || this.client !== client) return false;
      if (this.addressList.remainingDelay(index, this.clock.now()) > 0) continue;
      if (await this.switchTo(index, client)) return false;
    }
    return this.client !== undefined && this.client === client;
  }

  /**
   * Switches to this address if it is usable. The old connection is closed when its outstanding requests have been
   * answered.
   */
  private async switchTo(index: number, before: Client): Promise<boolean> {
    // After GOAWAY, this connection must be replaced anyway, so a failing service at the same address is acceptable.
    const isUsable = ({ status, healthy }: Pong) =>
      index === this.addressList.index ? status !== 'draining' : healthy;
    const opened = await this.connector.openUsable(this.addresses[index] as Address, isUsable);
    if (!opened) return false;
    const { client, hello } = opened;
    if (client.ended || this.client !== before) {
      client.destroy();
      return false;
    }
    const why = 'switching to a better address';
    this.detach(before, why);
    void before.close(before.goaway?.graceMs ?? GRACE_MS);
    this.addressList.index = index;
    this.change('connecting', why);
    this.adopt(client, hello);
    return true;
  }

  private change(state: LinkState, why: string): void {
    if (this.state === 'closed' || (state === this.state && state !== 'connecting')) return;
    this.state = state;
    this.emit('state', { state, address: this.address, why, status: this.status });
  }
}

/**
 * Maintains one healthy connection, to the first healthy address in `addresses`. Returns immediately. The link emits
 * `state`, `status`, `pong` and `warning`, and `changes()` iterates over its state changes.
 *
 * @throws PongcheckError `PONGCHECK_ADDRESS` or `PONGCHECK_CONFIG`.
 */
export function openLink(addresses: string | Address | readonly (string | Address)[], options: LinkOptions = {}): Link {
  const list = (Array.isArray(addresses) ? addresses : [addresses]) as readonly (string | Address)[];
  if (list.length === 0)
    throw new PongcheckError('PONGCHECK_CONFIG', 'addresses is an empty list; allowed: at least one address');
  return new Link(list.map(targetOf), validateLinkOptions(options));
}
