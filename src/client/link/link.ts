import { EventEmitter } from 'node:events';
import { type Clock, systemClock, type Timer } from '../../common/clock.js';
import type { Scope } from '../../health/health.js';
import type { State } from '../../health/state.js';
import { negotiated } from '../../liveness/heartbeat.js';
import { type Address, parseAddress } from '../../net/address.js';
import type { KeepAlive } from '../../net/keep-alive.js';
import type { HelloBody } from '../../wire/bodies.js';
import type { Client } from '../client.js';
import { connect } from '../connect.js';
import type { CloseReason } from '../errors.js';
import type { Goaway } from '../goaway.js';
import { milliseconds, wrongOption } from '../options.js';
import type { Pong } from '../pong.js';
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
  SHORTEST_INTERVAL,
} from './heartbeat-settings.js';
import { type ConnectionHooks, Hooks } from './hooks.js';
import type { RoundTripTimes } from './round-trips.js';

/** `suspect`: a PING is overdue. `draining`: the server asked to be left. `down`: there is no connection, a new try comes. */
export type LinkState = 'connecting' | 'up' | 'suspect' | 'draining' | 'down' | 'closed';

/** Times in milliseconds. */
export interface LinkOptions extends ConnectionHooks {
  /** What this client calls itself in HELLO. */
  name?: string;
  /** Shown in HELLO, and before a look at another address. */
  token?: string;
  /** Default `default`. */
  heartbeat?: keyof typeof heartbeatPresets | HeartbeatSettings;
  /** What the PINGs ask for. Default `readiness`: a server that is alive but useless is told. */
  scope?: Scope;
  /** Whether the report is wanted with each PONG. Default false. */
  detail?: boolean;
  /** How often the server is to PING as well; 0 = never. Default 0. */
  serverPings?: number;
  /** What PINGs of the server are answered with. Default: pass. */
  health?: () => 'pass' | 'warn' | 'fail';
  /** Statuses for which the next healthy address of the list is taken. Default fail, draining and unknown. */
  failoverOn?: readonly State[];
  /** Whether to go back to an earlier address of the list when that is healthy again. Default true. */
  failback?: boolean;
  backoff?: BackoffOptions;
  /** Default 5,000. */
  connectTimeout?: number;
  /** For `pongs://` addresses. Default: the certificate of each is verified, and none shown. */
  tls?: ClientTls;
  /** TCP keep-alive of each connection. Default: none. */
  keepAlive?: Partial<KeepAlive>;
  clock?: Clock;
  random?: () => number;
}

export interface LinkChange {
  readonly state: LinkState;
  readonly address: Address;
  /** Why, in a few words. */
  readonly why: string;
  /** What the last PONG said; undefined before the first of a connection. */
  readonly status: State | undefined;
}

/** Events of a link. */
export interface LinkEvents {
  state: [change: LinkChange];
  /** Another status than before. */
  status: [status: State, pong: Pong];
  /** A heartbeat was answered. */
  pong: [pong: Pong];
  warning: [description: string];
}

/** An interval longer than the server's idle timeout divided by this would be cut off by it. */
const IDLE_PARTS = 2.2;
const MAX_CHANGES = 1000;
/** A connection that stands for less, in milliseconds, has not lasted: what failed before it still counts. */
const LASTING = 5000;
/** How long what is in flight may take where the server that is left named no grace, in milliseconds. */
const USUAL_GRACE = 1000;
const LEAVE_AT: readonly State[] = ['fail', 'draining', 'unknown'];

/**
 * Keeps one good connection out of a list of addresses: connects, introduces
 * itself, beats, finds out when the server is dead or useless, and comes back.
 * Made by `openLink`; `close` ends it, and until then it keeps the process alive.
 */
export class Link extends EventEmitter<LinkEvents> {
  /** The connection, while there is one. */
  client: Client | undefined;
  state: LinkState = 'connecting';
  /** What the last PONG of this connection said. */
  status: State | undefined;
  private readonly options: LinkOptions;
  private readonly beat: Required<HeartbeatSettings>;
  private readonly serverPings: number;
  private readonly clock: Clock;
  private readonly list: AddressList;
  private readonly search: FailbackProbe;
  private readonly hooks: Hooks;
  private readonly abort = new AbortController();
  private pulse: HeartbeatMonitor | undefined;
  /** Until the next try while it is down, until the connection has lasted while there is one. */
  private timer: Timer;
  /** Ends with the connection that is being made; never rejects. */
  private making: Promise<void> | undefined;
  private warned = false;
  /** A clock's timers never keep the process alive; between two connections this does. */
  private readonly alive: NodeJS.Timeout;

  constructor(
    private readonly addresses: readonly Address[],
    options: LinkOptions,
  ) {
    super();
    const { heartbeat = 'default', clock = systemClock, random = Math.random, backoff = {}, failback = true } = options;
    this.options = options;
    this.beat = heartbeatSettings(heartbeat);
    this.serverPings = milliseconds('serverPings', options.serverPings ?? 0);
    this.clock = clock;
    this.list = new AddressList({ count: addresses.length, failback, backoff, random });
    this.search = new FailbackProbe(clock, { interval: this.beat.interval, backoff, random }, () =>
      this.lookForBetter(),
    );
    this.hooks = new Hooks(options, clock, (description) => this.emit('warning', description));
    this.alive = setInterval(() => {}, 2 ** 30);
    queueMicrotask(() => this.makeNext('starts'));
  }

  get address(): Address {
    return this.addresses[this.list.index] as Address;
  }

  /** Round-trip times of the heartbeat on this connection, in milliseconds; undefined before the first PONG. */
  get roundTrips(): RoundTripTimes | undefined {
    return this.pulse?.roundTrips;
  }

  /** Ends it: no new try; what is in flight is answered, within a second; `onDown` is called. Never rejects. */
  async close(): Promise<void> {
    const { client } = this;
    this.abort.abort();
    clearInterval(this.alive);
    if (client) this.leave(client, 'was closed by this program');
    this.clock.clear(this.timer);
    this.change('closed', 'was closed by this program');
    await Promise.all([client?.close(), this.making, this.search.end()]);
    await this.hooks.done();
  }

  /** The changes of state from now on, until it is closed; of a reader that is slow the oldest are left out. */
  async *changes(): AsyncGenerator<LinkChange, void, void> {
    const seen: LinkChange[] = [];
    let wake = () => {};
    const note = (change: LinkChange) => {
      seen.push(change);
      if (seen.length > MAX_CHANGES) seen.shift();
      wake();
    };
    this.on('state', note);
    try {
      for (;;) {
        while (seen.length > 0) {
          const change = seen.shift() as LinkChange;
          yield change;
          if (change.state === 'closed') return;
        }
        if (this.closed) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.off('state', note);
    }
  }

  /**
   * Watches whichever server this link is connected to, over all its connections: each begins with what is known then.
   * Ends with the link, or with the signal; throws PONGCHECK_REFUSED where a server allows no watch.
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

  /** The connection, or the next one that is not `before`; undefined: there will be none. */
  private async connected(before?: Client): Promise<Client | undefined> {
    while (!this.closed && (this.client === undefined || this.client === before || this.client.ended)) {
      await new Promise((resolve) => this.once('state', resolve));
    }
    return this.closed ? undefined : this.client;
  }

  private get closed(): boolean {
    return this.abort.signal.aborted;
  }

  // -- one connection after the other ----------------------------------------

  private makeNext(why: string): void {
    if (this.closed) return;
    this.change('connecting', why);
    this.making = this.introduce(this.address).then(
      ({ client, hello }) => {
        if (this.closed) client.destroy();
        else this.take(client, hello);
      },
      (error: unknown) => this.retry((error as Error).message),
    );
  }

  /** Connects to `address` and says HELLO. */
  private async introduce(address: Address): Promise<{ client: Client; hello: HelloBody }> {
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
      const heartbeat = { canSendMs: Math.round(this.beat.interval), wantMs: this.serverPings };
      const own = { ...(name !== undefined && { name }), ...(token !== undefined && { token }) };
      const hello = await client.hello({ heartbeat, signal, ...own });
      // It may have said farewell in the same breath.
      if (client.ended) throw client.ended;
      return { client, hello };
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  /** This is the connection from now on. */
  private take(client: Client, hello: HelloBody): void {
    const server = hello.heartbeat ?? { canSendMs: 0, wantMs: 0, mult: 3 };
    const silence = negotiated(server, { canSendMs: 0, wantMs: this.serverPings }) * server.mult;
    const { scope = 'readiness', detail = false, random = Math.random } = this.options;
    this.client = client;
    this.status = undefined;
    client.once('close', (reason, error) => this.lost(client, reason, error?.message));
    client.on('goaway', (goaway) => this.sentAway(client, goaway));
    this.timer = this.clock.after(LASTING, () => this.list.lasted());
    const settings = { ...this.beat, interval: this.shortened(hello.idleTimeoutMs), scope, detail, silence, random };
    this.pulse = new HeartbeatMonitor(client, settings, this.clock, {
      pong: (pong) => this.told(client, pong),
      suspect: (isSuspect) => this.suspect(client, isSuspect),
      dead: (description) => client.convict(description),
    });
    if (client.goaway) this.sentAway(client, client.goaway);
  }

  private shortened(idleTimeout: number | undefined): number {
    const { interval } = this.beat;
    const most = Math.max(SHORTEST_INTERVAL, Math.round((idleTimeout || Number.POSITIVE_INFINITY) / IDLE_PARTS));
    if (interval <= most) return interval;
    if (!this.warned) {
      this.warned = true;
      this.emit(
        'warning',
        `the heartbeat of ${interval} ms is shortened to ${most} ms: the server closes after ${idleTimeout} ms of silence`,
      );
    }
    return most;
  }

  /** The first PONG of a connection brings it up. */
  private told(client: Client, pong: Pong): void {
    if (this.client !== client) return;
    const { status } = pong;
    const before = this.status;
    this.status = status;
    const isDraining = status === 'draining' || client.goaway !== undefined;
    if (before === undefined) this.hooks.up(client);
    if (before === undefined || isDraining !== (this.state === 'draining')) {
      this.change(isDraining ? 'draining' : 'up', `the server is ${status}`);
    }
    this.emit('pong', pong);
    if (before !== status) this.emit('status', status, pong);
    if (this.candidates().length === 0) this.search.stop();
    else if (before !== status && this.isLeaving) this.search.begin(0);
    else this.search.goOn();
  }

  private suspect(client: Client, isSuspect: boolean): void {
    if (this.client !== client || this.status === undefined || this.state === 'draining') return;
    this.change(isSuspect ? 'suspect' : 'up', isSuspect ? 'a PING is overdue' : 'the server answers again');
  }

  private lost(client: Client, reason: CloseReason, description: string = reason): void {
    if (this.client !== client) return;
    this.leave(client, description);
    this.retry(description);
  }

  /** The connection is over for this link, whatever becomes of it. */
  private leave(client: Client, why: string): void {
    const wasUp = this.status !== undefined;
    this.pulse?.stop();
    this.pulse = undefined;
    this.client = undefined;
    this.status = undefined;
    this.clock.clear(this.timer);
    this.search.stop();
    if (wasUp) this.hooks.down(why, client);
  }

  private retry(why: string): void {
    if (this.closed) return;
    const wait = this.list.next(this.clock.now());
    this.change('down', why);
    this.timer = this.clock.after(wait, () => this.makeNext('tries again'));
  }

  /** GOAWAY: another address at once; the same one when the server says that it may be tried again. */
  private sentAway(client: Client, { reconnectAfterMs = 0, reason }: Goaway): void {
    if (this.client !== client) return;
    const now = this.clock.now();
    this.list.rest(this.list.index, reconnectAfterMs, now);
    this.change('draining', `the server says GOAWAY: ${reason}`);
    this.search.begin(this.addresses.length > 1 ? 0 : this.list.restOf(this.list.index, now));
  }

  // -- a better one ----------------------------------------------------------

  private get isLeaving(): boolean {
    const { failoverOn = LEAVE_AT } = this.options;
    return this.state === 'draining' || (this.status !== undefined && failoverOn.includes(this.status));
  }

  /** The addresses that are worth a look now. Behind the one of a server that sends away there may be another by now. */
  private candidates(): number[] {
    const { list, client, clock } = this;
    const mayReturn = client?.goaway !== undefined && list.restOf(list.index, clock.now()) === 0;
    return [...list.better(this.isLeaving), ...(mayReturn ? [list.index] : [])];
  }

  /** Looks at each once, and goes to the first that is healthy. True: something better is wanted still. */
  private async lookForBetter(): Promise<boolean> {
    const { client } = this;
    for (const index of this.candidates()) {
      if (this.client === undefined || this.client !== client) return false;
      if (await this.goTo(index, client)) return false;
    }
    return this.client !== undefined && this.client === client && (this.isLeaving || this.candidates().length > 0);
  }

  /** Goes to this address if it is healthy; the connection before is closed when what is in flight is answered. */
  private async goTo(index: number, before: Client): Promise<boolean> {
    const { scope = 'readiness' } = this.options;
    let made: Client | undefined;
    try {
      const { client, hello } = await this.introduce(this.addresses[index] as Address);
      made = client;
      const { healthy } = await client.ping({ scope, signal: this.abort.signal });
      if (!healthy || client.ended || this.client !== before) {
        client.destroy();
        return false;
      }
      const why = 'goes to a better address';
      this.leave(before, why);
      this.list.index = index;
      this.change('connecting', why);
      void before.close(before.goaway?.graceMs ?? USUAL_GRACE);
      this.take(client, hello);
      return true;
    } catch {
      made?.destroy();
      return false;
    }
  }

  // -- telling ---------------------------------------------------------------

  private change(state: LinkState, why: string): void {
    if (this.state === 'closed' || (state === this.state && state !== 'connecting')) return;
    this.state = state;
    this.emit('state', { state, address: this.address, why, status: this.status });
  }
}

/**
 * Keeps one good connection to the first healthy of `addresses`; returns at once, and tells by the events `state`,
 * `status` and `warning`, or by `changes()`. Throws PONGCHECK_ADDRESS or PONGCHECK_CONFIG.
 */
export function openLink(addresses: string | Address | readonly (string | Address)[], options: LinkOptions = {}): Link {
  const list = (Array.isArray(addresses) ? addresses : [addresses]) as readonly (string | Address)[];
  if (list.length === 0) throw wrongOption('addresses', list, 'one address or more');
  return new Link(
    list.map((address) => (typeof address === 'string' ? parseAddress(address) : address)),
    options,
  );
}
