import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { callSafely } from '../common/call-safely.js';
import type { Clock, Timer } from '../common/clock.js';
import type { Log } from '../common/log.js';
import type { Health } from '../health/health.js';
import { Sweeper } from '../liveness/sweeper.js';
import { TimeLimit } from '../liveness/time-limit.js';
import { type Address, formatAddress } from '../net/address.js';
import { addressBucket } from '../net/address-bucket.js';
import { Tokens } from '../net/tokens.js';
import { Certificates } from './certificates/certificates.js';
import type { LiveCertificate } from './certificates/live-certificate.js';
import { Connection } from './connection/connection.js';
import type { ConnectionInfo } from './connection/info.js';
import type { ListenerContext, ServerEvents } from './connection/session.js';
import { type AddressCounts, type ConnectionCounts, OwnCounts } from './connection-counts.js';
import { PendingConnections } from './handshake/pending-connections.js';
import { TlsHandshaker } from './handshake/tls-handshaker.js';
import { keepAliveOf, type Listen, type ListenerSettings, type Listening, proxiesOf } from './listener.js';
import type { PeerInfo } from './peer-info.js';
import { PeerLog } from './peer-log.js';
import { PushQueue } from './protocol/push-queue.js';
import { Responder } from './protocol/responder.js';
import { planReload, type ServerPlan } from './reload.js';
import type { ServerSettings } from './settings.js';
import { afterNextPoll } from './sockets/after-next-poll.js';
import { type ConnectionSocket, type DirectSocket, isDirect } from './sockets/connection-socket.js';
import { openListener } from './sockets/open-listener.js';
import { type RejectReason, ServerStats } from './stats.js';

/** Time to wait for the peer's FIN after sending FIN, in milliseconds (SPEC "Closing"). */
const LINGER_MS = 1000;
/** Time that `close` allows for answering requests that have arrived, in milliseconds. */
const CLOSE_GRACE_MS = 500;
/** Time over which the GOAWAYs of a drain are spread, in milliseconds. */
const GOAWAY_SPREAD_MS = 1000;
/**
 * Minimum and maximum time from the end of a drain to the reconnections that follow, in milliseconds. The listeners
 * take a moment to close.
 */
const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 1000;

export interface ServerOptions {
  health: Health;
  settings: ServerSettings;
  clock: Clock;
  log: Log;
  /** Default: new stats. */
  stats?: ServerStats;
  /** Default: the counts of this server alone. */
  counts?: ConnectionCounts;
  /**
   * If false, plain connections also use `net.Socket`, as they do on a Node version without the internals that
   * `acceptHandles` requires. Default true.
   */
  useHandles?: boolean;
}

export interface ListenOptions {
  reusePort?: boolean;
  configured?: Address;
}

/** Answers PINGs on any number of listeners. */
export class Server {
  readonly stats: ServerStats;
  readonly events = new EventEmitter<ServerEvents>();
  private readonly listeners: Listening[] = [];
  private readonly counts: ConnectionCounts;
  private readonly useHandles: boolean;
  private perAddress: AddressCounts;
  /**
   * Keyed by milliseconds. A limit that is no longer configured remains in effect for clients to which it was announced
   * in HELLO.
   */
  private readonly idleLimits = new Map<number, TimeLimit>();
  private readonly shared: Omit<ListenerContext, 'listener' | 'peerLog'>;
  private readonly sweeper: Sweeper<Connection>;
  private readonly pending: PendingConnections;
  private readonly certificates: Certificates;
  private readonly goaways = new Set<Timer>();
  /** Monotonic time at which a drain ends; undefined if none has begun. */
  private drainsUntil: number | undefined;
  private onEmpty: (() => void) | undefined;

  constructor(options: ServerOptions) {
    const { health, settings, clock, log, stats = new ServerStats(), counts = new OwnCounts() } = options;
    this.stats = stats;
    this.counts = counts;
    this.useHandles = options.useHandles ?? true;
    this.perAddress = counts.perAddress();
    this.sweeper = new Sweeper(clock);
    const limits = {
      idle: this.idleLimit(settings.heartbeat.idleTimeout),
      frame: new TimeLimit(settings.limits.frameTimeout),
      stall: new TimeLimit(settings.limits.stallTimeout),
      linger: new TimeLimit(LINGER_MS),
      handshake: new TimeLimit(settings.limits.handshakeTimeout),
    };
    for (const limit of [limits.frame, limits.stall, limits.linger, limits.handshake]) this.sweeper.watch(limit);
    this.pending = new PendingConnections(
      {
        reserve: (socket, address, shared) => this.reserve(socket, address, shared),
        admit: (socket, shared, origin) => this.admit(socket, shared, origin),
        onHandshakeEnded: () => counts.handshakes.release(),
        release: () => counts.connections.release(),
      },
      limits,
      clock,
    );
    this.certificates = new Certificates(clock, log);
    this.stats.certificates = () => this.certificates.expiries();
    this.shared = {
      clock,
      log,
      settings,
      limits,
      stats: this.stats,
      events: this.events,
      responder: new Responder(health, this.stats, settings, clock),
      tokens: settings.tokens?.length ? new Tokens(settings.tokens) : undefined,
      requireToken: false,
      pushes: new PushQueue(clock),
      isTlsWarned: false,
      nextId: () => counts.nextId(),
      wake: (connection: Connection) => this.sweeper.wake(connection),
      onHello: (connection: Connection) => {
        if (this.drainsUntil !== undefined) this.goawayTo(connection, this.drainsUntil);
      },
      onClosed: (connection: Connection) => this.onClosed(connection),
    };
  }

  /**
   * Opens a listener.
   *
   * @param options `reusePort`: whether other threads may listen on the same port, default false. `configured`: the
   * address in the configuration, for errors and reloads, default `address`.
   * @returns its address, with the assigned port in place of port 0.
   * @throws PongcheckError `PONGCHECK_LISTEN` if it cannot be opened.
   */
  async listen(
    address: Address,
    settings: ListenerSettings = {},
    { reusePort = false, configured = address }: ListenOptions = {},
  ): Promise<Address> {
    const where = formatAddress(configured);
    const { log, clock } = this.shared;
    const tls = settings.tls && (await TlsHandshaker.open(settings.tls, where));
    const setKeepAlive = await keepAliveOf(settings, log);
    const proxies = proxiesOf(settings);
    const needsStreams = tls !== undefined || proxies !== undefined || !this.useHandles;
    return openListener(address, { where, reusePort, mode: settings.mode, needsStreams }, (listener) => {
      const name = formatAddress(listener.address);
      const peerLog = new PeerLog(log, clock, name);
      const shared = { ...this.shared, ...this.effectiveSettings(settings), listener: name, peerLog };
      const listening: Listening = {
        listener,
        address: formatAddress(address),
        settings,
        shared,
        tls,
        handshakes: this.pending.context(shared, tls),
        proxies,
        setKeepAlive,
      };
      this.listeners.push(listening);
      if (tls) this.certificates.add(name, tls.certificate);
      return {
        // A PROXY header and TLS must be read from streams.
        allowsDirect: !tls && this.useHandles ? (client) => !listening.proxies?.has(client) : undefined,
        accept: (socket) => this.accept(socket, listening),
        onError: (code) => peerLog.log(`cannot accept a connection (${code})`, {}),
      };
    });
  }

  /** The common settings, overridden by those of one listener. */
  private effectiveSettings({ idleTimeout, requireToken = false }: ListenerSettings) {
    const { settings, tokens, limits } = this.shared;
    if (idleTimeout === undefined) return { settings, tokens, limits, requireToken };
    const heartbeat = { ...settings.heartbeat, idleTimeout };
    const own = { ...limits, idle: this.idleLimit(idleTimeout) };
    return { settings: { ...settings, heartbeat }, tokens, limits: own, requireToken };
  }

  private idleLimit(ms: number): TimeLimit {
    let limit = this.idleLimits.get(ms);
    if (!limit) {
      limit = new TimeLimit(ms);
      this.idleLimits.set(ms, limit);
      this.sweeper.watch(limit);
    }
    return limit;
  }

  // -- reload ----------------------------------------------------------------

  /** Determines which of these settings can be applied without a restart. Changes nothing. Throws like `listen`. */
  async plan(settings: ServerSettings, listen: readonly Listen[]): Promise<ServerPlan> {
    return planReload(this.listeners, settings, listen, this.shared.log);
  }

  /**
   * Applies a plan synchronously. Connections stay open unless they are no longer authorized. Values that were
   * announced in HELLO remain in effect for them, and all other limits change.
   */
  reload({ settings, listeners }: ServerPlan): void {
    const { shared } = this;
    const { limits, clock } = shared;
    const now = clock.now();
    const before = shared.settings.limits;
    limits.frame.change(settings.limits.frameTimeout, now);
    limits.stall.change(settings.limits.stallTimeout, now);
    limits.handshake.change(settings.limits.handshakeTimeout, now);
    shared.settings = settings;
    shared.responder.settings = settings;
    shared.tokens = settings.tokens?.length ? new Tokens(settings.tokens) : undefined;
    shared.limits = { ...limits, idle: this.idleLimit(settings.heartbeat.idleTimeout) };
    for (const listening of this.listeners) {
      Object.assign(listening, listeners.get(listening));
      const { idle } = listening.shared.limits;
      Object.assign(listening.shared, this.effectiveSettings(listening.settings));
      if (listening.shared.limits.idle !== idle) listening.shared.limits.idle.restart(now);
    }
    const { maxConnectionsPerAddress: max, ipv6Prefix } = settings.limits;
    const isCounted = before.maxConnectionsPerAddress > 0 && before.ipv6Prefix === ipv6Prefix;
    if (max > 0 && !isCounted) this.countAddresses(ipv6Prefix);
    this.sweeper.wakeAll();
    for (const connection of this.connections) connection.reload(now);
  }

  /** Connections are not counted while there is no limit per address. */
  private countAddresses(ipv6Prefix: number): void {
    this.perAddress = this.counts.perAddress();
    for (const { socket, remoteAddress } of [...this.connections, ...this.pending.withAddress()]) {
      const bucket = addressBucket(remoteAddress, ipv6Prefix);
      if (bucket !== undefined) this.perAddress.reserve(socket, bucket, Number.POSITIVE_INFINITY);
    }
  }

  // -- connections -----------------------------------------------------------

  /** Open connections, oldest first. */
  get connections(): ReadonlySet<Connection> {
    return this.sweeper.members;
  }

  /** Information about at most `limit` connections whose id is above `after`, sorted by id. */
  infos(after: number, limit: number): ConnectionInfo[] {
    const infos: ConnectionInfo[] = [];
    for (const connection of this.connections) {
      if (infos.length >= limit) break;
      if (connection.id > after) infos.push(connection.info());
    }
    return infos;
  }

  /**
   * Finds connections that have received no data for at least `idle` milliseconds. Closes those that are not protected
   * if `close`. Returns information about all of them, collected before they are closed.
   */
  heartbeat(idle: number, close: boolean): ConnectionInfo[] {
    const now = this.shared.clock.now();
    const silent = [...this.connections].filter((connection) => connection.silence(now) >= idle);
    return silent.map((connection) => {
      const info = connection.info();
      if (close && !connection.isProtected) connection.close('idle');
      return info;
    });
  }

  /** Returns false if there is no connection with this id. */
  protect(id: number, isProtected: boolean): boolean {
    const connection = this.find(id);
    if (connection) connection.isProtected = isProtected;
    return connection !== undefined;
  }

  /** Returns false if there is no connection with this id. */
  disconnect(id: number): boolean {
    const connection = this.find(id);
    connection?.close('closed-by-application');
    return connection !== undefined;
  }

  private find(id: number): Connection | undefined {
    for (const connection of this.connections) if (connection.id === id) return connection;
    return undefined;
  }

  /** Also reloads this certificate when its files change. `listener` is its name in logs and metrics. */
  watchCertificate(listener: string, certificate: LiveCertificate): void {
    this.certificates.add(listener, certificate);
  }

  /** Reads the certificates of all listeners again. Never rejects. */
  async reloadCertificates(): Promise<void> {
    await this.certificates.reload();
  }

  // -- the end ---------------------------------------------------------------

  /**
   * Starts draining: sends GOAWAY to clients that have sent HELLO or send it later, spread over up to half of the
   * remaining `graceMs` (milliseconds). Requests are still answered. Resolves after the next poll of the event loop. If
   * connections are queued in the kernel, at least one of them has then been accepted.
   */
  async goaway(graceMs: number): Promise<void> {
    this.drainsUntil = this.shared.clock.now() + graceMs;
    for (const connection of this.connections) if (connection.hello) this.goawayTo(connection, this.drainsUntil);
    await afterNextPoll();
  }

  private goawayTo(connection: Connection, until: number): void {
    const { clock } = this.shared;
    const delay = Math.random() * Math.min(GOAWAY_SPREAD_MS, Math.max(0, until - clock.now()) / 2);
    const timer = clock.after(delay, () => {
      this.goaways.delete(timer);
      connection.goaway(until, until + RECONNECT_MIN_MS + Math.random() * (RECONNECT_MAX_MS - RECONNECT_MIN_MS));
    });
    this.goaways.add(timer);
  }

  /** Resolves when all connections are closed. */
  async empty(): Promise<void> {
    if (this.connections.size > 0) await new Promise<void>((resolve) => (this.onEmpty = resolve));
  }

  /**
   * Accepts connections that are queued in the kernel, stops accepting, answers the requests that have arrived, and
   * sends FIN. Connections that are still open after the linger time are destroyed. Resolves when all are closed.
   */
  async close(): Promise<void> {
    for (const timer of this.goaways) this.shared.clock.clear(timer);
    this.goaways.clear();
    const { clock } = this.shared;
    const until = clock.now() + CLOSE_GRACE_MS;
    await Promise.all(this.listeners.map(({ listener }) => listener.acceptQueued(() => clock.now() >= until)));
    const closed = this.listeners.splice(0).map(({ listener }) => listener.close());
    this.certificates.close();
    await this.pending.close(until);
    for (const connection of this.connections) connection.drain(until);
    await Promise.all(closed);
    // A listener may emit 'close' before the last of its sockets does.
    await this.empty();
  }

  private accept(socket: Socket | DirectSocket, listening: Listening): void {
    const { pending, counts } = this;
    const { shared, tls, proxies, handshakes, setKeepAlive } = listening;
    setKeepAlive?.(socket);
    const { maxConnections, maxHandshakes } = shared.settings.limits;
    if (!counts.connections.reserve(maxConnections)) return this.reject(socket, 'max-connections', shared);
    // The client's address is unknown until the PROXY header has been read.
    const needsHeader = proxies?.has(socket.remoteAddress) ?? false;
    if (!needsHeader && !this.reserve(socket, socket.remoteAddress, shared)) return counts.connections.release();
    if (isDirect(socket) || (!needsHeader && !tls)) return this.admit(socket, shared);
    if (!counts.handshakes.reserve(maxHandshakes)) {
      counts.connections.release();
      return this.reject(socket, 'max-handshakes', shared);
    }
    pending.add(socket, handshakes, needsHeader);
  }

  /** Counts the connection for its address. If the limit per address is reached, rejects it and returns false. */
  private reserve(socket: ConnectionSocket, address: string | undefined, shared: ListenerContext): boolean {
    const { maxConnectionsPerAddress: max, ipv6Prefix } = shared.settings.limits;
    const bucket = max === 0 ? undefined : addressBucket(address, ipv6Prefix);
    if (bucket === undefined || this.perAddress.reserve(socket, bucket, max)) return true;
    this.reject(socket, 'max-connections-per-address', shared);
    return false;
  }

  private admit(socket: ConnectionSocket, shared: ListenerContext, origin?: PeerInfo): void {
    const { stats, events } = this;
    stats.accepted++;
    stats.open++;
    stats.modes.undecided++;
    const connection = new Connection(socket, shared, origin);
    this.sweeper.add(connection);
    if (events.listenerCount('connect') > 0) callSafely(() => events.emit('connect', connection.info()));
  }

  private reject(socket: ConnectionSocket, why: RejectReason, { peerLog }: ListenerContext): void {
    this.stats.refused[why]++;
    peerLog.log(`connection closed on accept: ${why}`, socket);
    if (!isDirect(socket)) (socket as Socket).on('error', () => {});
    socket.destroy();
  }

  private onClosed(connection: Connection): void {
    // Another thread may read the numbers between these two statements.
    this.stats.modes[connection.mode]--;
    this.stats.open--;
    this.counts.connections.release();
    this.sweeper.delete(connection);
    if (this.connections.size === 0) this.onEmpty?.();
  }
}
