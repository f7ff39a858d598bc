import { EventEmitter } from 'node:events';
import { type Clock, systemClock, type Timer } from '../../common/clock.js';
import { PongcheckError } from '../../common/errors.js';
import type { Scope } from '../../health/health.js';
import type { State } from '../../health/state.js';
import { negotiated } from '../../liveness/heartbeat.js';
import { type Address, parseAddress } from '../../net/address.js';
import type { KeepAlive } from '../../net/keep-alive.js';
import type { HelloBody } from '../../wire/bodies.js';
import type { Client } from '../client.js';
import { connect } from '../connect.js';
import type { CloseReason } from '../errors.js';
import { validateLinkOptions } from '../options.js';
import type { Goaway, Pong } from '../responses.js';
import type { ClientTls } from '../tls.js';
import type { WatchedStatus, WatchOptions } from '../watch.js';
import { AddressList } from './addresses.js';
import type { BackoffOptions } from './backoff.js';
import { FailbackProbe } from './failback.js';
import { HeartbeatMonitor } from './heartbeat-monitor.js';
import {
  type HeartbeatSettings,
  type heartbeatPresets,
  heartbeatSettings,
  MIN_INTERVAL_MS,
} from './heartbeat-settings.js';
import { type ConnectionHooks, Hooks } from './hooks.js';
import type { RoundTripTimes } from './round-trips.js';

/** `suspect`: a PING is unanswered. `draining`: the server is shutting down. `down`: no connection; a retry is scheduled. */
export type LinkState = 'connecting' | 'up' | 'suspect' | 'draining' | 'down' | 'closed';

/** Options of `openLink`. Times are whole milliseconds; `Infinity` is refused. */
export interface LinkOptions extends ConnectionHooks {
  /** Name of this client in the logs of the server. */
  name?: string;
  /** Bearer token, sent in HELLO to each address. Without TLS it is sent in clear text. */
  token?: string;
  /**
   * Heartbeat: a preset, or its settings.
   *
   * @default 'default'
   */
  heartbeat?: keyof typeof heartbeatPresets | HeartbeatSettings;
  /**
   * Scope of the PINGs. `readiness` detects a server that is alive but not able to work.
   *
   * @default 'readiness'
   */
  scope?: Scope;
  /**
   * Requests the report with each PONG.
   *
   * @default false
   */
  detail?: boolean;
  /**
   * Interval in milliseconds at which the server should send PINGs as well; 0 = never.
   *
   * @default 0
   */
  serverPings?: number;
  /** Returns the status with which PINGs of the server are answered. By default pass. */
  health?: () => 'pass' | 'warn' | 'fail';
  /** Statuses for which the link fails over to another healthy address. By default fail, draining and unknown. */
  failoverOn?: readonly State[];
  /**
   * Whether to return to an earlier address of the list when it is healthy again.
   *
   * @default true
   */
  failback?: boolean;
  /** Delays between attempts. */
  backoff?: BackoffOptions;
  /**
   * Timeout for establishing a connection, in milliseconds.
   *
   * @default 5000
   */
  connectTimeout?: number;
  /** TLS options for `pongs://` addresses. By default server certificates are verified and no client certificate is sent. */
  tls?: ClientTls;
  /** TCP keep-alive of each connection. Off by default. */
  keepAlive?: Partial<KeepAlive>;
  /** @internal */
  clock?: Clock;
  /** @internal */
  random?: () => number;
}

/** A change of the state of a link. */
export interface LinkChange {
  readonly state: LinkState;
  readonly address: Address;
  /** Reason of the change. */
  readonly why: string;
  /** Status in the last PONG; undefined before the first of a connection. */
  readonly status: State | undefined;
}

/** Events of a link. */
export interface LinkEvents {
  state: [change: LinkChange];
  /** The status has changed. */
  status: [status: State, pong: Pong];
  /** A heartbeat was answered. */
  pong: [pong: Pong];
  warning: [description: string];
}

/** Heartbeats per idle timeout of the server, at least; with a longer interval the server would close the connection. */
const HEARTBEATS_PER_IDLE_TIMEOUT = 2.2;
const MAX_CHANGES = 1000;
/** Lifetime in milliseconds after which a connection is stable, and earlier failures are forgotten. */
const STABLE_MS = 5000;
/** Time in milliseconds for outstanding requests of the old connection, if its server named no grace. */
const GRACE_MS = 1000;
const FAILOVER_ON: readonly State[] = ['fail', 'draining', 'unknown'];

/**
 * Maintains one healthy connection to one of a list of addresses: heartbeats, failover, failback, backoff and draining.
 * Made by `openLink`; it keeps the process alive until `close`.
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
  private readonly abort = new AbortController();
  private monitor: HeartbeatMonitor | undefined;
  /** Fires at the next attempt while the link is down, and when the connection is stable while it is up. */
  private timer: Timer;
  /** The current attempt to connect; never rejects. */
  private connecting: Promise<void> | undefined;
  private hasWarned = false;
  /** Keeps the process alive between two connections; timers of the clock do not. */
  private readonly keepProcessAlive: NodeJS.Timeout;

  constructor(
    private readonly addresses: readonly Address[],
    options: LinkOptions,
  ) {
    super();
    const { heartbeat = 'default', clock = systemClock, random = Math.random, backoff = {}, failback = true } = options;
    this.options = options;
    this.heartbeat = heartbeatSettings(heartbeat);
    this.serverPings = options.serverPings ?? 0;
    this.clock = clock;
    this.addressList = new AddressList({ count: addresses.length, failback, backoff, random });
    this.failbackProbe = new FailbackProbe(clock, { interval: this.heartbeat.interval, backoff, random }, () =>
      this.probeAlternatives(),
    );
    this.hooks = new Hooks(options, clock, (description) => this.emit('warning', description));
    this.keepProcessAlive = setInterval(() => {}, 2 ** 30);
    queueMicrotask(() => this.connectNext('starting'));
  }

  get address(): Address {
    return this.addresses[this.addressList.index] as Address;
  }

  /** Round-trip times of the heartbeat on this connection, in milliseconds; undefined before the first PONG. */
  get roundTrips(): RoundTripTimes | undefined {
    return this.monitor?.roundTrips;
  }

  /**
   * Closes the link. Outstanding requests are answered within a second, and `onDown` is called.
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

  /** Iterates over the changes of state from now until the link is closed. For a slow consumer the oldest of 1000 are dropped. */
  async *changes(): AsyncGenerator<LinkChange, void, void> {
    const queue: LinkChange[] = [];
    let wake = () => {};
    const onState = (change: LinkChange) => {
      queue.push(change);
      if (queue.length > MAX_CHANGES) queue.shift();
      wake();
    };
    this.on('state', onState);
    try {
      for (;;) {
        while (queue.length > 0) {
          const change = queue.shift() as LinkChange;
          yield change;
          if (change.state === 'closed') return;
        }
        if (this.closed) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.off('state', onState);
    }
  }

  /**
   * Watches the current server, across reconnections: each connection begins with the current status. Ends with the link
   * or with the signal.
   *
   * @throws PongcheckError `PONGCHECK_REFUSED` if a server permits no watch.
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<WatchedStatus, void, void> {
    for (let client = await this.connected(); client; client = await this.connected(client)) {
      if (options.signal?.aborted) return;
      try {
        yield* client.watch(options);
        return;
      } catch (error) {
        if (client.ended === undefined) throw error;
      }
    }
  }

  /** Resolves with the current connection, or with the next one after `before`; undefined: the link is closed. */
  private async connected(before?: Client): Promise<Client | undefined> {
    while (!this.closed && (this.client === undefined || this.client === before || this.client.ended)) {
      await new Promise((resolve) => this.once('state', resolve));
    }
    return this.closed ? undefined : this.client;
  }

  private get closed(): boolean {
    return this.abort.signal.aborted;
  }

  // -- connections -----------------------------------------------------------

  private connectNext(why: string): void {
    if (this.closed) return;
    this.change('connecting', why);
    this.connecting = this.openClient(this.address).then(
      ({ client, hello }) => {
        if (this.closed) client.destroy();
        else this.adopt(client, hello);
      },
      (error: unknown) => this.retry((error as Error).message),
    );
  }

  /** Connects to `address` and says HELLO. */
  private async openClient(address: Address): Promise<{ client: Client; hello: HelloBody }> {
    const { connectTimeout, keepAlive, tls, name, token, health } = this.options;
    const { signal } = this.abort;
    const client = await connect(address, {
      clock: this.clock,
      signal,
      ...(connectTimeout !== undefined && { connectTimeout }),
      ...(keepAlive && { keepAlive }),
      ...(tls && { tls }),
    });
    if (health) client.health = health;
    try {
      const heartbeat = { canSendMs: Math.round(this.heartbeat.interval), wantMs: this.serverPings };
      const identity = { ...(name !== undefined && { name }), ...(token !== undefined && { token }) };
      const hello = await client.hello({ heartbeat, signal, ...identity });
      // The server may have closed the connection right after its HELLO.
      if (client.ended) throw client.ended;
      return { client, hello };
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  /** Makes `client` the current connection. */
  private adopt(client: Client, hello: HelloBody): void {
    const server = hello.heartbeat ?? { canSendMs: 0, wantMs: 0, mult: 3 };
    const silence = negotiated(server, { canSendMs: 0, wantMs: this.serverPings }) * server.mult;
    const { scope = 'readiness', detail = false, random = Math.random } = this.options;
    this.client = client;
    this.status = undefined;
    client.once('close', (reason, error) => this.onClosed(client, reason, error?.message));
    client.on('goaway', (goaway) => this.onGoaway(client, goaway));
    this.timer = this.clock.after(STABLE_MS, () => this.addressList.markStable());
    const settings = {
      ...this.heartbeat,
      interval: this.limitInterval(hello.idleTimeoutMs),
      scope,
      detail,
      silence,
      random,
    };
    this.monitor = new HeartbeatMonitor(client, settings, this.clock, {
      pong: (pong) => this.onPong(client, pong),
      suspect: (isSuspect) => this.onSuspect(client, isSuspect),
      dead: (description) => client.terminate(description),
    });
    if (client.goaway) this.onGoaway(client, client.goaway);
  }

  private limitInterval(idleTimeout: number | undefined): number {
    const { interval } = this.heartbeat;
    const longest = Math.max(
      MIN_INTERVAL_MS,
      Math.round((idleTimeout || Number.POSITIVE_INFINITY) / HEARTBEATS_PER_IDLE_TIMEOUT),
    );
    if (interval <= longest) return interval;
    if (!this.hasWarned) {
      this.hasWarned = true;
      this.emit(
        'warning',
        `heartbeat.interval is reduced from ${interval} ms to ${longest} ms: the server closes connections that are idle for ${idleTimeout} ms`,
      );
    }
    return longest;
  }

  /** The first PONG of a connection makes the link `up`. */
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
    if (this.candidates().length === 0) this.failbackProbe.stop();
    else if (before !== status && this.shouldFailOver) this.failbackProbe.start(0);
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

  /** Probes other addresses immediately; the same address when the server permits a reconnection. */
  private onGoaway(client: Client, { reconnectAfterMs = 0, reason }: Goaway): void {
    if (this.client !== client) return;
    const now = this.clock.now();
    this.addressList.delay(this.addressList.index, reconnectAfterMs, now);
    this.change('draining', `GOAWAY: ${reason}`);
    this.failbackProbe.start(
      this.addresses.length > 1 ? 0 : this.addressList.remainingDelay(this.addressList.index, now),
    );
  }

  // -- failover and failback -------------------------------------------------

  private get shouldFailOver(): boolean {
    const { failoverOn = FAILOVER_ON } = this.options;
    return this.state === 'draining' || (this.status !== undefined && failoverOn.includes(this.status));
  }

  /** Addresses to probe now. After GOAWAY the same address may already lead to another server. */
  private candidates(): number[] {
    const { addressList, client, clock } = this;
    const mayReturn = client?.goaway !== undefined && addressList.remainingDelay(addressList.index, clock.now()) === 0;
    return [...addressList.alternatives(this.shouldFailOver), ...(mayReturn ? [addressList.index] : [])];
  }

  /** Probes each candidate once, and switches to the first healthy one. Resolves with true if another round is needed. */
  private async probeAlternatives(): Promise<boolean> {
    const { client } = this;
    for (const index of this.candidates()) {
      if (this.client === undefined || this.client !== client) return false;
      if (await this.switchTo(index, client)) return false;
    }
    return this.client !== undefined && this.client === client && (this.shouldFailOver || this.candidates().length > 0);
  }

  /** Switches to this address if it is healthy. The old connection is closed once its outstanding requests are answered. */
  private async switchTo(index: number, before: Client): Promise<boolean> {
    const { scope = 'readiness' } = this.options;
    let opened: Client | undefined;
    try {
      const { client, hello } = await this.openClient(this.addresses[index] as Address);
      opened = client;
      const { healthy } = await client.ping({ scope, signal: this.abort.signal });
      if (!healthy || client.ended || this.client !== before) {
        client.destroy();
        return false;
      }
      const why = 'switching to a better address';
      this.detach(before, why);
      this.addressList.index = index;
      this.change('connecting', why);
      void before.close(before.goaway?.graceMs ?? GRACE_MS);
      this.adopt(client, hello);
      return true;
    } catch {
      opened?.destroy();
      return false;
    }
  }

  private change(state: LinkState, why: string): void {
    if (this.state === 'closed' || (state === this.state && state !== 'connecting')) return;
    this.state = state;
    this.emit('state', { state, address: this.address, why, status: this.status });
  }
}

/**
 * Maintains one healthy connection to the first healthy of `addresses`. Returns immediately; the link emits `state`,
 * `status`, `pong` and `warning`, and `changes()` iterates over its states.
 *
 * @throws PongcheckError `PONGCHECK_ADDRESS` or `PONGCHECK_CONFIG`.
 */
export function openLink(addresses: string | Address | readonly (string | Address)[], options: LinkOptions = {}): Link {
  const list = (Array.isArray(addresses) ? addresses : [addresses]) as readonly (string | Address)[];
  if (list.length === 0)
    throw new PongcheckError('PONGCHECK_CONFIG', 'addresses is an empty list; allowed: at least one address');
  return new Link(
    list.map((address) => (typeof address === 'string' ? parseAddress(address) : address)),
    validateLinkOptions(options),
  );
}
