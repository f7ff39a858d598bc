import { EventEmitter } from 'node:events';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Clock, Timer } from '../clock.js';
import type { Health } from '../health/health.js';
import { isolate } from '../health/isolate.js';
import { type Address, endpointOf, formatAddress } from '../link/address.js';
import { addressBucket } from '../link/address-bucket.js';
import { type KeepAlive, keepAliveSetter } from '../link/keep-alive.js';
import { Limit } from '../link/limit.js';
import { cannotListen } from '../link/listen-failure.js';
import { Networks } from '../link/networks.js';
import { Sweeper } from '../link/sweeper.js';
import { Tokens } from '../link/tokens.js';
import type { Log } from '../log.js';
import type { Gate } from './arrival.js';
import { Arrivals, type Doors } from './arrivals.js';
import { Certificates } from './certificates.js';
import { Complaints } from './complaints.js';
import { Connection } from './connection.js';
import type { LiveCertificate } from './live-certificate.js';
import type { Origin } from './origin.js';
import { PerAddress } from './per-address.js';
import { PushQueue } from './push-queue.js';
import { Responder } from './responder.js';
import type { ServerEvents, Shared } from './session.js';
import { noTokens, type ServerSettings, wrongTls } from './settings.js';
import { withSharedReads } from './shared-reads.js';
import { openSocketFile, setMode } from './socket-file.js';
import { type Refusal, ServerStats } from './stats.js';
import { TlsEntrance } from './tls-entrance.js';
import type { TlsSettings } from './tls-files.js';

/** How long a closed connection listens for the peer's FIN (SPEC "Closing"). */
const LINGER = 1000;
/** How long `close` lets what has arrived be answered before it sends FIN anyway. */
const DRAIN_ARRIVED = 500;
/** The GOAWAYs of a drain, and the returns of those who got them, are spread over so much time. */
const GOAWAY_SPREAD = 1000;
const BACKLOG = 1024;

export interface ServerOptions {
  health: Health;
  settings: ServerSettings;
  clock: Clock;
  log: Log;
}

/** What one listener holds otherwise than the others. */
export interface ListenerSettings {
  /** In place of `heartbeat.idleTimeout`; milliseconds, 0 = never. */
  idleTimeout?: number;
  /** TCP keep-alive for its connections. Default: none. */
  keepAlive?: Partial<KeepAlive>;
  /** Who may connect to a Unix socket, as chmod takes it, such as 0o660. Default: what the umask leaves. */
  mode?: number;
  /** Answers nothing before a HELLO has shown one of the tokens; there is no line mode then. Default false. */
  requireToken?: boolean;
  /** For a `pongs://` address, and only there. */
  tls?: TlsSettings;
  /** Proxies, as addresses and networks, whose connections begin with a PROXY header of version 2. Default: none. */
  proxyProtocol?: { from: readonly string[] };
}

/** Listens on any number of addresses and answers PINGs there. */
export class Server {
  readonly stats = new ServerStats();
  readonly events = new EventEmitter<ServerEvents>();
  private readonly listeners: NetServer[] = [];
  private readonly perAddress = new PerAddress();
  private readonly shared: Omit<Shared, 'listener' | 'complaints'>;
  private readonly sweeper: Sweeper<Connection>;
  private readonly arrivals: Arrivals;
  private readonly certificates: Certificates;
  private readonly goaways = new Set<Timer>();
  private emptied: (() => void) | undefined;

  constructor(options: ServerOptions) {
    const { health, settings, clock, log } = options;
    const limits = {
      idle: new Limit(settings.heartbeat.idleTimeout),
      frame: new Limit(settings.limits.frameTimeout),
      stall: new Limit(settings.limits.stallTimeout),
      linger: new Limit(LINGER),
      handshake: new Limit(settings.limits.handshakeTimeout),
    };
    this.sweeper = new Sweeper(clock);
    for (const limit of Object.values(limits)) this.sweeper.watch(limit);
    this.arrivals = new Arrivals(
      {
        claim: (socket, address, shared) => this.claim(socket, address, shared),
        admit: (socket, shared, origin) => this.admit(socket, shared, origin),
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
      tlsTold: false,
      wake: (connection) => this.sweeper.wake(connection),
      forget: (connection) => this.forget(connection),
    };
  }

  /**
   * Opens a listener and returns where it listens (a port 0 has become a real one).
   * Throws PONGCHECK_LISTEN when it cannot be opened.
   */
  async listen(address: Address, settings: ListenerSettings = {}): Promise<Address> {
    const where = formatAddress(address);
    const { log, tokens } = this.shared;
    if (settings.requireToken && !tokens) throw noTokens(`${where} has requireToken`);
    const tls = await this.openTls(address, settings.tls);
    const setKeepAlive =
      settings.keepAlive && (await keepAliveSetter(settings.keepAlive, (sentence) => log.warn({}, sentence)));
    const proxies = settings.proxyProtocol && new Networks(settings.proxyProtocol.from);
    const doors: Doors = { tls, proxies };
    let gate: Gate | undefined;
    let shared: Shared | undefined;
    // Half-open sockets: a client that has said all it wants to may send FIN and still read its answers.
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      setKeepAlive?.(socket);
      this.accept(socket, shared as Shared, doors, gate);
    });
    let bound = address;
    // As soon as it listens, connections come.
    const opened = () => {
      listener.removeAllListeners('error');
      this.listeners.push(listener);
      const found = listener.address();
      if (address.kind !== 'unix' && typeof found === 'object' && found) bound = { ...address, port: found.port };
      const name = formatAddress(bound);
      const complaints = new Complaints(log, this.shared.clock, name);
      listener.on('error', ({ code }: NodeJS.ErrnoException) => {
        complaints.tell(`a connection could not be accepted (${code})`, {});
      });
      shared = { ...this.sharedWith(settings), listener: name, complaints };
      gate = this.arrivals.gate(shared, doors);
      if (tls) this.certificates.add(name, tls.certificate);
    };
    const listen = () =>
      new Promise<void>((resolve, reject) => {
        listener.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(where, error)));
        listener.listen({ ...endpointOf(address), backlog: BACKLOG }, () => {
          opened();
          resolve();
        });
      });
    await (address.kind === 'unix' ? openSocketFile(address.path, listen) : listen());
    // Whoever connects meanwhile is served.
    if (address.kind === 'unix' && settings.mode !== undefined) await setMode(address.path, settings.mode);
    return bound;
  }

  private async openTls(address: Address, settings: TlsSettings | undefined): Promise<TlsEntrance | undefined> {
    const where = formatAddress(address);
    if ((address.kind === 'tls') !== (settings !== undefined)) throw wrongTls(where);
    return settings && TlsEntrance.open(settings, where);
  }

  private sharedWith({ idleTimeout, requireToken = false }: ListenerSettings): Omit<Shared, 'listener' | 'complaints'> {
    const shared = { ...this.shared, requireToken };
    if (idleTimeout === undefined) return shared;
    const idle = new Limit(idleTimeout);
    this.sweeper.watch(idle);
    const heartbeat = { ...shared.settings.heartbeat, idleTimeout };
    return { ...shared, settings: { ...shared.settings, heartbeat }, limits: { ...shared.limits, idle } };
  }

  // -- connections -----------------------------------------------------------

  /** The connections that are open, the oldest first. */
  get connections(): ReadonlySet<Connection> {
    return this.sweeper.members;
  }

  /** The connections from which nothing has come for `idle` milliseconds, now or longer. */
  silent(idle: number): Connection[] {
    const now = this.shared.clock.now();
    return [...this.connections].filter((connection) => connection.silence(now) >= idle);
  }

  find(id: number): Connection | undefined {
    for (const connection of this.connections) if (connection.id === id) return connection;
    return undefined;
  }

  /** Replaces this certificate as well when its files change; `listener` is how it is called in the log and in metrics. */
  watchCertificate(listener: string, certificate: LiveCertificate): void {
    this.certificates.add(listener, certificate);
  }

  /** Reads the certificates of all listeners anew, in place of waiting until somebody looks. Never rejects. */
  async reloadCertificates(): Promise<void> {
    await this.certificates.look();
  }

  // -- the end ---------------------------------------------------------------

  /**
   * Begins to drain: clients that said HELLO are told to go elsewhere, each at a
   * moment of its own, within `graceMs`. Everyone is served as before.
   */
  goaway(graceMs: number): void {
    const { clock } = this.shared;
    for (const connection of this.connections) {
      const wait = Math.random() * Math.min(GOAWAY_SPREAD, graceMs / 2);
      const timer = clock.after(wait, () => {
        this.goaways.delete(timer);
        connection.goaway(graceMs - wait, Math.floor(Math.random() * GOAWAY_SPREAD));
      });
      this.goaways.add(timer);
    }
  }

  /** Resolves when no connection is left. */
  async empty(): Promise<void> {
    if (this.connections.size > 0) await new Promise<void>((resolve) => (this.emptied = resolve));
  }

  /**
   * Stops: no new connection, what has arrived is answered, FIN to everyone; whoever
   * is still there after the linger time is destroyed. Resolves when all is closed.
   */
  async close(): Promise<void> {
    for (const timer of this.goaways) this.shared.clock.clear(timer);
    this.goaways.clear();
    const closed = this.listeners
      .splice(0)
      .map((listener) => new Promise<void>((resolve) => listener.close(() => resolve())));
    this.certificates.close();
    const until = this.shared.clock.now() + DRAIN_ARRIVED;
    await this.arrivals.close(until);
    for (const connection of this.connections) connection.drain(until);
    await Promise.all(closed);
    // A listener is closed before the last of its sockets has said so.
    await this.empty();
  }

  private accept(accepted: Socket, shared: Shared, { tls, proxies }: Doors, gate: Gate | undefined): void {
    const { arrivals, connections } = this;
    const { maxConnections, maxHandshakes } = shared.settings.limits;
    if (connections.size + arrivals.size >= maxConnections) return this.refuse(accepted, 'max-connections', shared);
    // Of who comes through a proxy the address is not known yet.
    const owesHeader = proxies?.has(accepted.remoteAddress) ?? false;
    const isPlain = !owesHeader && !tls;
    const socket = isPlain ? withSharedReads(accepted) : accepted;
    if (!owesHeader && !this.claim(socket, socket.remoteAddress, shared)) return;
    if (isPlain) return this.admit(socket, shared);
    if (arrivals.size >= maxHandshakes) return this.refuse(socket, 'max-handshakes', shared);
    arrivals.take(socket, gate as Gate, owesHeader);
  }

  /** Whether one more from this address may stand; if not, it is refused. */
  private claim(socket: Socket, address: string | undefined, shared: Shared): boolean {
    const { maxConnectionsPerAddress: most, ipv6Prefix } = shared.settings.limits;
    const bucket = most === 0 ? undefined : addressBucket(address, ipv6Prefix);
    if (bucket === undefined || this.perAddress.claim(socket, bucket, most)) return true;
    this.refuse(socket, 'max-connections-per-address', shared);
    return false;
  }

  private admit(socket: Socket, shared: Shared, origin?: Origin): void {
    const { stats, events } = this;
    stats.accepted++;
    stats.open++;
    const connection = new Connection(socket, shared, origin);
    this.sweeper.add(connection);
    if (events.listenerCount('connect') > 0) isolate(() => events.emit('connect', connection.info()));
  }

  private refuse(socket: Socket, why: Refusal, { complaints }: Shared): void {
    this.stats.refused[why]++;
    complaints.tell(`a connection was closed at accept: ${why}`, socket);
    socket.on('error', () => {});
    socket.destroy();
  }

  private forget(connection: Connection): void {
    this.stats.open--;
    this.sweeper.delete(connection);
    if (this.connections.size === 0) this.emptied?.();
  }
}
