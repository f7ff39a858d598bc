import { EventEmitter } from 'node:events';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { callSafely } from '../common/call-safely.js';
import type { Clock, Timer } from '../common/clock.js';
import type { Log } from '../common/log.js';
import type { Health } from '../health/health.js';
import { Sweeper } from '../liveness/sweeper.js';
import { TimeLimit } from '../liveness/time-limit.js';
import { type Address, endpointOf, formatAddress, parseAddress } from '../net/address.js';
import { addressBucket } from '../net/address-bucket.js';
import { type KeepAlive, keepAliveSetter } from '../net/keep-alive.js';
import { cannotListen } from '../net/listen-error.js';
import { Networks } from '../net/networks.js';
import { Tokens } from '../net/tokens.js';
import { Certificates } from './certificates/certificates.js';
import { LiveCertificate } from './certificates/live-certificate.js';
import type { TlsSettings } from './certificates/tls-files.js';
import { Connection } from './connection/connection.js';
import type { ListenerContext, ServerEvents } from './connection/session.js';
import type { HandshakeContext } from './handshake/pending.js';
import { PendingConnections } from './handshake/pending-connections.js';
import { TlsHandshaker } from './handshake/tls-handshaker.js';
import type { PeerInfo } from './peer-info.js';
import { PeerLog } from './peer-log.js';
import { PushQueue } from './protocol/push-queue.js';
import { Responder } from './protocol/responder.js';
import type { ServerSettings } from './settings.js';
import { PerAddress } from './sockets/per-address.js';
import { withSharedReads } from './sockets/shared-reads.js';
import { openSocketFile, setMode } from './sockets/unix-socket.js';
import { type Refusal, ServerStats } from './stats.js';

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

/** One address to listen on, and what it holds otherwise than the others. */
export interface Listen extends Readonly<ListenerSettings> {
  readonly url: string;
}

/** What can be changed at a listener that is open. */
const changeable = ['idleTimeout', 'keepAlive', 'requireToken', 'proxyProtocol'] as const;
const fixed = ['mode', 'tls'] as const;

/** A listener that is open. */
interface Listening {
  readonly listener: NetServer;
  readonly address: string;
  settings: ListenerSettings;
  readonly shared: ListenerContext;
  /** The TLS that is spoken; undefined: plain text. */
  readonly tls: TlsHandshaker | undefined;
  readonly gate: HandshakeContext;
  /** Who has to send a PROXY header, and is believed; undefined: nobody. */
  proxies: Networks | undefined;
  setKeepAlive: ((socket: Socket) => void) | undefined;
}

/** What a reload makes of the listeners, and how that is told. */
export interface ServerPlan {
  readonly settings: ServerSettings;
  readonly listeners: ReadonlyMap<Listening, Pick<Listening, 'settings' | 'proxies' | 'setKeepAlive'>>;
  /** Paths of what is changed, and of what would take a restart. */
  readonly changed: readonly string[];
  readonly needsRestart: readonly string[];
}

/** Listens on any number of addresses and answers PINGs there. */
export class Server {
  readonly stats = new ServerStats();
  readonly events = new EventEmitter<ServerEvents>();
  private readonly listeners: Listening[] = [];
  private perAddress = new PerAddress();
  /** By milliseconds. One that is not in force any more may still hold for who was told of it in HELLO. */
  private readonly idleLimits = new Map<number, TimeLimit>();
  private readonly shared: Omit<ListenerContext, 'listener' | 'complaints'>;
  private readonly sweeper: Sweeper<Connection>;
  private readonly arrivals: PendingConnections;
  private readonly certificates: Certificates;
  private readonly goaways = new Set<Timer>();
  private emptied: (() => void) | undefined;

  constructor(options: ServerOptions) {
    const { health, settings, clock, log } = options;
    this.sweeper = new Sweeper(clock);
    const limits = {
      idle: this.idleLimit(settings.heartbeat.idleTimeout),
      frame: new TimeLimit(settings.limits.frameTimeout),
      stall: new TimeLimit(settings.limits.stallTimeout),
      linger: new TimeLimit(LINGER),
      handshake: new TimeLimit(settings.limits.handshakeTimeout),
    };
    for (const limit of [limits.frame, limits.stall, limits.linger, limits.handshake]) this.sweeper.watch(limit);
    this.arrivals = new PendingConnections(
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
      wake: (connection: Connection) => this.sweeper.wake(connection),
      forget: (connection: Connection) => this.forget(connection),
    };
  }

  /**
   * Opens a listener and returns where it listens (a port 0 has become a real one).
   * Throws PONGCHECK_LISTEN when it cannot be opened.
   */
  async listen(address: Address, settings: ListenerSettings = {}): Promise<Address> {
    const where = formatAddress(address);
    const { log } = this.shared;
    const tls = await this.openTls(address, settings.tls);
    const setKeepAlive = await this.keepAliveOf(settings);
    const proxies = proxiesOf(settings);
    let listening: Listening | undefined;
    // Half-open sockets: a client that has said all it wants to may send FIN and still read its answers.
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.accept(socket, listening as Listening);
    });
    let bound = address;
    // As soon as it listens, connections come.
    const opened = () => {
      listener.removeAllListeners('error');
      const found = listener.address();
      if (address.kind !== 'unix' && typeof found === 'object' && found) bound = { ...address, port: found.port };
      const name = formatAddress(bound);
      const complaints = new PeerLog(log, this.shared.clock, name);
      listener.on('error', ({ code }: NodeJS.ErrnoException) => {
        complaints.tell(`a connection could not be accepted (${code})`, {});
      });
      const shared = { ...this.shared, ...this.heldAt(settings), listener: name, complaints };
      const gate = this.arrivals.gate(shared, tls);
      listening = { listener, address: where, settings, shared, tls, gate, proxies, setKeepAlive };
      this.listeners.push(listening);
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

  private async openTls(address: Address, settings: TlsSettings | undefined): Promise<TlsHandshaker | undefined> {
    const where = formatAddress(address);
    return settings && TlsHandshaker.open(settings, where);
  }

  private async keepAliveOf({ keepAlive }: ListenerSettings): Promise<Listening['setKeepAlive']> {
    return keepAlive && keepAliveSetter(keepAlive, (description) => this.shared.log.warn({}, description));
  }

  /** What holds at a listener, of what all of them hold and what it holds otherwise. */
  private heldAt({ idleTimeout, requireToken = false }: ListenerSettings) {
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

  // -- other settings --------------------------------------------------------

  /** Finds out what of other settings and listeners can hold without a restart; changes nothing. Throws as `listen` does. */
  async plan(settings: ServerSettings, listen: readonly Listen[]): Promise<ServerPlan> {
    const open = new Set(this.listeners);
    const listeners: Map<Listening, Pick<Listening, 'settings' | 'proxies' | 'setKeepAlive'>> = new Map();
    const changed: string[] = [];
    const needsRestart: string[] = [];
    for (const [index, { url, ...own }] of listen.entries()) {
      const address = parseAddress(url);
      const where = formatAddress(address);
      const proxies = proxiesOf(own);
      const listening = [...open].find((one) => one.address === where);
      if (own.tls && !isDeepStrictEqual(own.tls, listening?.settings.tls)) await LiveCertificate.open(own.tls, where);
      if (!listening) {
        needsRestart.push(`listen[${index}].url`);
        continue;
      }
      open.delete(listening);
      const isOther = (key: keyof ListenerSettings) => !isDeepStrictEqual(own[key], listening.settings[key]);
      changed.push(...changeable.filter(isOther).map((key) => `listen[${index}].${key}`));
      needsRestart.push(...fixed.filter(isOther).map((key) => `listen[${index}].${key}`));
      const setKeepAlive = isOther('keepAlive') ? await this.keepAliveOf(own) : listening.setKeepAlive;
      const { mode, tls } = listening.settings;
      listeners.set(listening, { settings: { ...own, mode, tls } as ListenerSettings, proxies, setKeepAlive });
    }
    if (open.size > 0 && needsRestart.every((path) => !path.endsWith('.url'))) needsRestart.push('listen');
    return { settings, listeners, changed, needsRestart };
  }

  /**
   * Takes them, all in this turn. Connections stay, except those that have lost their right: what was told in HELLO
   * holds for them as before, all other limits from now on.
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
      Object.assign(listening.shared, this.heldAt(listening.settings));
      if (listening.shared.limits.idle !== idle) listening.shared.limits.idle.restart(now);
    }
    const { maxConnectionsPerAddress: most, ipv6Prefix } = settings.limits;
    const isCounted = before.maxConnectionsPerAddress > 0 && before.ipv6Prefix === ipv6Prefix;
    if (most > 0 && !isCounted) this.countAddresses(ipv6Prefix);
    this.sweeper.wakeAll();
    for (const connection of this.connections) connection.reload(now);
  }

  /** While there is no limit for an address nobody counts. */
  private countAddresses(ipv6Prefix: number): void {
    this.perAddress = new PerAddress();
    for (const { socket, remoteAddress } of this.connections) {
      const bucket = addressBucket(remoteAddress, ipv6Prefix);
      if (bucket !== undefined) this.perAddress.claim(socket, bucket, Number.POSITIVE_INFINITY);
    }
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
      .map(({ listener }) => new Promise<void>((resolve) => listener.close(() => resolve())));
    this.certificates.close();
    const until = this.shared.clock.now() + DRAIN_ARRIVED;
    await this.arrivals.close(until);
    for (const connection of this.connections) connection.drain(until);
    await Promise.all(closed);
    // A listener is closed before the last of its sockets has said so.
    await this.empty();
  }

  private accept(accepted: Socket, { shared, tls, proxies, gate, setKeepAlive }: Listening): void {
    const { arrivals, connections } = this;
    setKeepAlive?.(accepted);
    const { maxConnections, maxHandshakes } = shared.settings.limits;
    if (connections.size + arrivals.size >= maxConnections) return this.refuse(accepted, 'max-connections', shared);
    // Of who comes through a proxy the address is not known yet.
    const owesHeader = proxies?.has(accepted.remoteAddress) ?? false;
    const isPlain = !owesHeader && !tls;
    const socket = isPlain ? withSharedReads(accepted) : accepted;
    if (!owesHeader && !this.claim(socket, socket.remoteAddress, shared)) return;
    if (isPlain) return this.admit(socket, shared);
    if (arrivals.size >= maxHandshakes) return this.refuse(socket, 'max-handshakes', shared);
    arrivals.take(socket, gate, owesHeader);
  }

  /** Whether one more from this address may stand; if not, it is refused. */
  private claim(socket: Socket, address: string | undefined, shared: ListenerContext): boolean {
    const { maxConnectionsPerAddress: most, ipv6Prefix } = shared.settings.limits;
    const bucket = most === 0 ? undefined : addressBucket(address, ipv6Prefix);
    if (bucket === undefined || this.perAddress.claim(socket, bucket, most)) return true;
    this.refuse(socket, 'max-connections-per-address', shared);
    return false;
  }

  private admit(socket: Socket, shared: ListenerContext, origin?: PeerInfo): void {
    const { stats, events } = this;
    stats.accepted++;
    stats.open++;
    const connection = new Connection(socket, shared, origin);
    this.sweeper.add(connection);
    if (events.listenerCount('connect') > 0) callSafely(() => events.emit('connect', connection.info()));
  }

  private refuse(socket: Socket, why: Refusal, { complaints }: ListenerContext): void {
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

function proxiesOf({ proxyProtocol }: ListenerSettings): Networks | undefined {
  return proxyProtocol && new Networks(proxyProtocol.from);
}
