import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';
import type { GrpcJsServer } from '../grpc/grpc-js.js';
import { HealthService, type NamedHealth } from '../grpc/health-service.js';
import { GrpcServer } from '../grpc/server.js';
import { GrpcStats } from '../grpc/stats.js';
import type { PingServer } from '../server/ping-server.js';
import type { ThreadedServer } from '../threads/threaded-server.js';
import type { ServiceSettings } from './settings.js';

interface GrpcParts {
  readonly health: NamedHealth;
  readonly server: PingServer;
  /** The same object as `server` if PINGs are answered on other threads, otherwise undefined. */
  readonly threads: ThreadedServer | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The gRPC health service on its own listener and on servers of the application. If there are PING threads, the first
 * thread opens the listener.
 */
export class ServiceGrpc {
  /** HOST:PORT of the listener, with the actual port; undefined if it is not open. */
  address: string | undefined;
  private readonly ownStats = new GrpcStats();
  private readonly added: HealthService[] = [];
  private listener: GrpcServer | undefined;

  constructor(private readonly parts: GrpcParts) {}

  /** Undefined if gRPC is not used. */
  get stats(): GrpcStats | undefined {
    const { threads } = this.parts;
    if (this.address === undefined && this.added.length === 0) return undefined;
    return threads ? GrpcStats.sum([threads.grpcStats, this.ownStats]) : this.ownStats;
  }

  async open(settings: ServiceSettings): Promise<void> {
    const { grpc } = settings;
    if (!grpc) return;
    const { threads, server } = this.parts;
    if (threads) {
      this.address = await threads.openGrpc(grpc);
      return;
    }
    this.listener = await GrpcServer.open({ ...this.parts, grpc, settings, stats: this.ownStats });
    const { address, certificate } = this.listener;
    this.address = address;
    if (certificate) server.watchCertificate(address, certificate);
  }

  addTo(server: GrpcJsServer, settings: ServiceSettings): void {
    const { health, clock } = this.parts;
    const service = new HealthService(health, settings, this.ownStats, clock);
    service.addTo(server);
    this.added.push(service);
  }

  /** Applies new settings on this thread. */
  reload(settings: ServiceSettings): void {
    if (settings.grpc) this.listener?.reload(settings.grpc, settings);
    for (const service of this.added) service.settings = settings;
  }

  async close(): Promise<void> {
    for (const service of this.added) service.close();
    await this.listener?.close();
    this.listener = undefined;
    this.address = undefined;
  }
}
