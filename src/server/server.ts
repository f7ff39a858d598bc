import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { PongcheckError } from '../errors.js';
import type { Health } from '../health/health.js';
import { type Address, formatAddress } from '../link/address.js';
import { Limit } from '../link/limit.js';
import { Sweeper } from '../link/sweeper.js';
import type { Log } from '../log.js';
import { Connection, type Shared } from './connection.js';
import { Responder } from './responder.js';
import type { ServerSettings } from './settings.js';
import { type Refusal, ServerStats } from './stats.js';

/** How long a closed connection listens for the peer's FIN (SPEC "Closing"). */
const LINGER = 1000;
/** How long `close` lets what has arrived be answered before it sends FIN anyway. */
const DRAIN_ARRIVED = 500;
const BACKLOG = 1024;

export interface ServerOptions {
  health: Health;
  settings: ServerSettings;
  clock: Clock;
  log: Log;
}

/** Listens on any number of addresses and answers PINGs there. */
export class Server {
  readonly stats = new ServerStats();
  private readonly listeners: NetServer[] = [];
  private readonly perAddress = new Map<string, number>();
  private readonly shared: Shared;
  private readonly sweeper: Sweeper<Connection>;
  private emptied: (() => void) | undefined;

  constructor(options: ServerOptions) {
    const { health, settings, clock, log } = options;
    const limits = {
      idle: new Limit(settings.heartbeat.idleTimeout),
      frame: new Limit(settings.limits.frameTimeout),
      stall: new Limit(settings.limits.stallTimeout),
      linger: new Limit(LINGER),
    };
    this.sweeper = new Sweeper(clock, Object.values(limits));
    this.shared = {
      clock,
      log,
      settings,
      limits,
      stats: this.stats,
      responder: new Responder(health, this.stats, settings, clock),
      forget: (connection) => this.forget(connection),
    };
  }

  /** The connections that are open. */
  get connections(): ReadonlySet<Connection> {
    return this.sweeper.members;
  }

  /**
   * Opens a listener and returns where it listens (a port 0 has become a real one).
   * Throws PONGCHECK_LISTEN when it cannot be opened.
   */
  async listen(address: Address): Promise<Address> {
    // Half-open sockets: a client that has said all it wants to may send FIN and still read its answers.
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.accept(socket));
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(address, error)));
      listener.listen({ host: address.host, port: address.port, backlog: BACKLOG }, resolve);
    });
    listener.removeAllListeners('error');
    listener.on('error', (error) => this.shared.log.error({ err: error }, 'a listener failed'));
    this.listeners.push(listener);
    const bound = listener.address();
    return bound && typeof bound === 'object' ? { ...address, port: bound.port } : address;
  }

  /**
   * Stops: no new connection, what has arrived is answered, FIN to everyone; whoever
   * is still there after the linger time is destroyed. Resolves when all is closed.
   */
  async close(): Promise<void> {
    const closed = this.listeners
      .splice(0)
      .map((listener) => new Promise<void>((resolve) => listener.close(() => resolve())));
    const until = this.shared.clock.now() + DRAIN_ARRIVED;
    for (const connection of this.connections) connection.drain(until);
    await Promise.all(closed);
    // A listener is closed before the last of its sockets has said so.
    if (this.connections.size > 0) await new Promise<void>((resolve) => (this.emptied = resolve));
  }

  private accept(socket: Socket): void {
    const { stats, settings } = this.shared;
    const { maxConnections, maxConnectionsPerAddress } = settings.limits;
    if (this.connections.size >= maxConnections) return this.refuse(socket, 'max-connections');
    if (maxConnectionsPerAddress > 0) {
      const from = socket.remoteAddress ?? '';
      const count = this.perAddress.get(from) ?? 0;
      if (count >= maxConnectionsPerAddress) return this.refuse(socket, 'max-connections-per-address');
      this.perAddress.set(from, count + 1);
      socket.once('close', () => this.release(from));
    }
    stats.accepted++;
    stats.open++;
    const connection = new Connection(socket, this.shared);
    this.sweeper.add(connection);
  }

  private refuse(socket: Socket, why: Refusal): void {
    this.stats.refused[why]++;
    socket.on('error', () => {});
    socket.destroy();
  }

  private release(from: string): void {
    const count = (this.perAddress.get(from) ?? 1) - 1;
    if (count === 0) this.perAddress.delete(from);
    else this.perAddress.set(from, count);
  }

  private forget(connection: Connection): void {
    this.stats.open--;
    this.sweeper.delete(connection);
    if (this.connections.size === 0) this.emptied?.();
  }
}

function cannotListen(address: Address, error: NodeJS.ErrnoException): PongcheckError {
  const why =
    error.code === 'EADDRINUSE'
      ? 'another process listens there'
      : error.code === 'EACCES'
        ? 'this user may not listen on that port'
        : error.code === 'EADDRNOTAVAIL'
          ? 'that address is not one of this machine'
          : error.message;
  return new PongcheckError('PONGCHECK_LISTEN', `cannot listen on ${formatAddress(address)}: ${why}`, {
    cause: error,
  });
}
