import { EventEmitter } from 'node:events';
import { type Clock, systemClock, type Timer } from '../clock.js';
import type { Scope } from '../health/health.js';
import type { State } from '../health/state.js';
import { type Address, parseAddress } from '../link/address.js';
import { negotiated, type RoundTrips } from '../link/heartbeat.js';
import type { KeepAlive } from '../link/keep-alive.js';
import type { HelloBody } from '../wire/bodies.js';
import { type BackoffOptions, backoff } from './backoff.js';
import type { Client } from './client.js';
import { connect, ping } from './connect.js';
import type { CloseReason } from './failure.js';
import type { Goaway } from './goaway.js';
import { wrongOption } from './options.js';
import type { Pong } from './pong.js';
import { Pulse } from './pulse.js';
import type { ClientTls } from './tls.js';

/** `suspect`: a PING is overdue. `draining`: the server asked to be left. `down`: there is no connection, a new try comes. */
export type LinkState = 'connecting' | 'up' | 'suspect' | 'draining' | 'down' | 'closed';

export interface HeartbeatSettings {
  /** Milliseconds between two PINGs, jittered by 0 to -25 %. */
  interval: number;
  /** Unanswered PINGs with which the server is dead when the next is due; 0 = never. */
  maxPingsOut: number;
}

/** A dead server is found within 30 to 40 s (ordinary) or 6.75 to 9 s (strict), less the jitter. */
export const heartbeatPresets = {
  ordinary: { interval: 10_000, maxPingsOut: 3 },
  strict: { interval: 2250, maxPingsOut: 3 },
} as const satisfies Record<string, HeartbeatSettings>;

/** Times in milliseconds. */
export interface LinkOptions {
  /** What this client calls itself in HELLO. */
  name?: string;
  /** Shown in HELLO, to who asks for one. Default: none. */
  token?: string;
  /** Default `ordinary`. */
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
  leaveAt?: readonly State[];
  /** Whether to go back to an earlier address of the list when that is healthy again. Default true. */
  failback?: boolean;
  backoff?: BackoffOptions;
  /** Default 5,000. */
  connectTimeout?: number;
  /** For `pongs://` addresses. Default: the certificate of each is verified, and none shown. */
  tls?: ClientTls;
  /** TCP keep-alive of each connection. Default: none. */
  keepAlive?: Partial<KeepAlive>;
  /** A connection is up: the place to subscribe again. What it throws is told as a warning. */
  onUp?: (client: Client) => unknown;
  /** A connection is over: the place to clean up. */
  onDown?: (why: string) => unknown;
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

interface LinkEvents {
  state: [change: LinkChange];
  /** Another status than before. */
  status: [status: State, pong: Pong];
  /** A heartbeat was answered. */
  pong: [pong: Pong];
  warning: [sentence: string];
}

/** An interval longer than the server's idle timeout divided by this would be cut off by it. */
const IDLE_PARTS = 2.2;
const MAX_CHANGES = 1000;

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
  private pulse: Pulse | undefined;
  private index = 0;
  private failures = 0;
  private timer: Timer;
  private seeking = false;
  private readonly abort = new AbortController();
  private readonly beat: HeartbeatSettings;
  private readonly clock: Clock;
  private readonly random: () => number;
  private warned = false;
  /** A clock's timers never keep the process alive; between two connections this does. */
  private readonly alive = setInterval(() => {}, 2 ** 30);

  constructor(
    private readonly addresses: readonly Address[],
    private readonly options: LinkOptions,
  ) {
    super();
    const { heartbeat = 'ordinary', clock = systemClock, random = Math.random } = options;
    this.beat = typeof heartbeat === 'string' ? heartbeatPresets[heartbeat] : heartbeat;
    if (!(this.beat?.interval > 0))
      throw wrongOption('heartbeat', heartbeat, 'ordinary, strict or { interval, maxPingsOut }');
    this.clock = clock;
    this.random = random;
    queueMicrotask(() => void this.connectNext('starts'));
  }

  get address(): Address {
    return this.addresses[this.index] as Address;
  }

  /** Round-trip times of the heartbeat on this connection, in milliseconds. */
  get roundTrips(): Readonly<RoundTrips> | undefined {
    return this.pulse?.heartbeat.roundTrips;
  }

  /** Ends it: no new try; what is in flight is answered, within a second. Never rejects. */
  async close(): Promise<void> {
    const { client } = this;
    this.abort.abort();
    clearInterval(this.alive);
    this.clock.clear(this.timer);
    this.pulse?.stop();
    this.client = undefined;
    this.change('closed', 'was closed by this program');
    await client?.close();
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

  private get closed(): boolean {
    return this.abort.signal.aborted;
  }

  // -- one connection after the other ----------------------------------------

  private async connectNext(why: string): Promise<void> {
    if (this.closed) return;
    this.change('connecting', why);
    try {
      const { client, hello } = await this.introduce(this.address);
      if (this.closed) return client.destroy();
      this.take(client, hello);
    } catch (error) {
      if (!this.closed) this.retry((error as Error).message);
    }
  }

  /** Connects to `address` and says HELLO. */
  private async introduce(address: Address): Promise<{ client: Client; hello: HelloBody }> {
    const { connectTimeout, keepAlive, tls, name, token, serverPings = 0, health } = this.options;
    const { clock } = this;
    const client = await connect(address, {
      clock,
      signal: this.abort.signal,
      ...(connectTimeout !== undefined && { connectTimeout }),
      ...(keepAlive && { keepAlive }),
      ...(tls && { tls }),
    });
    if (health) client.health = health;
    try {
      const heartbeat = { canSendMs: Math.round(this.beat.interval), wantMs: serverPings };
      const own = { ...(name !== undefined && { name }), ...(token !== undefined && { token }) };
      return { client, hello: await client.hello({ heartbeat, ...own }) };
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  /** This is the connection from now on. */
  private take(client: Client, hello: HelloBody): void {
    const server = hello.heartbeat ?? { canSendMs: 0, wantMs: 0, mult: 3 };
    const silence = negotiated(server, { canSendMs: 0, wantMs: this.options.serverPings ?? 0 }) * server.mult;
    const { scope = 'readiness', detail = false } = this.options;
    this.client = client;
    this.status = undefined;
    client.once('close', (reason, error) => this.lost(client, reason, error?.message));
    client.on('goaway', (goaway) => this.left(client, goaway));
    const settings = {
      ...this.beat,
      interval: this.shortened(hello.idleTimeoutMs),
      scope,
      detail,
      silence,
      random: this.random,
    };
    this.pulse = new Pulse(client, settings, this.clock, {
      pong: (pong) => this.told(client, pong),
      suspect: (isSuspect) => {
        if (this.client !== client || this.state === 'draining') return;
        this.change(isSuspect ? 'suspect' : 'up', isSuspect ? 'a PING is overdue' : 'the server answers again');
      },
      dead: (sentence) => client.convict(sentence),
    });
  }

  private shortened(idleTimeout: number | undefined): number {
    const { interval } = this.beat;
    const most = (idleTimeout || Number.POSITIVE_INFINITY) / IDLE_PARTS;
    if (interval <= most) return interval;
    if (!this.warned) {
      this.warned = true;
      this.emit(
        'warning',
        `the heartbeat of ${interval} ms is shortened to ${Math.round(most)} ms: the server closes after ${idleTimeout} ms of silence`,
      );
    }
    return Math.round(most);
  }

  /** The first PONG of a connection brings it up. */
  private told(client: Client, pong: Pong): void {
    if (this.client !== client) return;
    const before = this.status;
    this.status = pong.status;
    if (before === undefined) {
      this.failures = 0;
      this.change(pong.status === 'draining' ? 'draining' : 'up', `the server is ${pong.status}`);
      this.hook('onUp', () => this.options.onUp?.(client));
    } else if (pong.status === 'draining' && this.state !== 'draining') {
      this.change('draining', 'the server is draining');
    }
    this.emit('pong', pong);
    if (before !== pong.status) this.emit('status', pong.status, pong);
    void this.seekBetter();
  }

  private lost(client: Client, reason: CloseReason, sentence: string = reason): void {
    if (this.client !== client) return;
    this.drop(sentence);
    this.retry(sentence);
  }

  /** The connection is over for this link, whatever becomes of it. */
  private drop(why: string): void {
    this.pulse?.stop();
    this.pulse = undefined;
    this.client = undefined;
    this.status = undefined;
    this.clock.clear(this.timer);
    this.hook('onDown', () => this.options.onDown?.(why));
  }

  /** Tries the next address at once, until each has failed once; then after a while. */
  private retry(why: string): void {
    this.failures++;
    this.change('down', why);
    this.index = (this.index + 1) % this.addresses.length;
    const round = this.failures % this.addresses.length === 0;
    const rounds = Math.ceil(this.failures / this.addresses.length);
    const wait = round ? backoff(rounds, this.options.backoff ?? {}, this.random) : 0;
    this.timer = this.clock.after(wait, () => void this.connectNext('tries again'));
  }

  /** GOAWAY: another address at once; the same one when the server says that it may be tried again. */
  private left(client: Client, { reconnectAfterMs = 0, reason }: Goaway): void {
    if (this.client !== client) return;
    this.change('draining', `the server says GOAWAY: ${reason}`);
    this.timer = this.clock.after(reconnectAfterMs, () => void this.seekBetter(true));
  }

  // -- a better one ----------------------------------------------------------

  /** Looks for a healthy address that is to be preferred, and goes there. One search at a time, at most one a PONG. */
  private async seekBetter(alsoSame = false): Promise<void> {
    const { leaveAt = ['fail', 'draining', 'unknown'], failback = true } = this.options;
    const leaving = this.state === 'draining' || (this.status !== undefined && leaveAt.includes(this.status));
    const others = this.addresses.map((_address, index) => index).filter((index) => index !== this.index);
    const candidates = leaving ? others : others.filter((index) => failback && index < this.index);
    if (alsoSame) candidates.push(this.index);
    if (this.seeking || candidates.length === 0) return;
    this.seeking = true;
    try {
      for (const index of candidates) {
        if (await this.goTo(index)) return;
      }
    } finally {
      this.seeking = false;
    }
  }

  /** Goes to this address if it is healthy; the connection before is closed when what is in flight is answered. */
  private async goTo(index: number): Promise<boolean> {
    const { clock } = this;
    const address = this.addresses[index] as Address;
    const { scope = 'readiness', connectTimeout = 5000, token, tls } = this.options;
    const shown = { ...(tls && { tls }), ...(token !== undefined && { token }) };
    try {
      const { healthy } = await ping(address, { scope, connectTimeout, clock, signal: this.abort.signal, ...shown });
      if (!healthy) return false;
      const { client, hello } = await this.introduce(address);
      const before = this.client;
      if (this.closed || before === undefined) {
        client.destroy();
        return true;
      }
      this.drop('goes to a better address');
      this.index = index;
      this.failures = 0;
      this.change('connecting', 'goes to a better address');
      void before.close();
      this.take(client, hello);
      return true;
    } catch {
      return false;
    }
  }

  // -- telling ---------------------------------------------------------------

  private change(state: LinkState, why: string): void {
    if (this.state === 'closed' || (state === this.state && state !== 'connecting')) return;
    this.state = state;
    this.emit('state', { state, address: this.address, why, status: this.status });
  }

  private hook(name: string, call: () => unknown): void {
    Promise.resolve()
      .then(call)
      .catch((error: unknown) => this.emit('warning', `${name} failed: ${(error as Error)?.message ?? error}`));
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
