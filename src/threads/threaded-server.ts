import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { createServer } from 'node:net';
import { callSafely } from '../common/call-safely.js';
import type { Clock } from '../common/clock.js';
import { type Log, silentLog } from '../common/log.js';
import { GrpcStats } from '../grpc/stats.js';
import { type Address, endpointOf, formatAddress } from '../net/address.js';
import { cannotListen } from '../net/listen-error.js';
import type { GrpcSettings, LoopLimits } from '../options/settings.js';
import { Certificates } from '../server/certificates/certificates.js';
import type { LiveCertificate } from '../server/certificates/live-certificate.js';
import type { ConnectionInfo } from '../server/connection/info.js';
import type { ServerEvents } from '../server/connection/session.js';
import { keepAliveOf, type Listen, type ListenerSettings, type Listening } from '../server/listener.js';
import type { PingServer } from '../server/ping-server.js';
import { planReload, type ServerPlan } from '../server/reload.js';
import type { ListenOptions } from '../server/server.js';
import type { ServerSettings } from '../server/settings.js';
import { ServerStats } from '../server/stats.js';
import { LoopHeartbeat, type Stall } from './loop-monitor.js';
import { MergedLog } from './merged-log.js';
import type { ToMain } from './messages.js';
import { PingThread } from './ping-thread.js';
import type { PublishedHealth } from './publisher.js';
import { countsMemory, forgetThread } from './shared-counts.js';
import { clockOrigin, type ThreadData } from './thread-data.js';
import { ThreadStats } from './thread-stats.js';

/** A thread that has not ticked for this many milliseconds does not respond. */
const RESPONSE_LIMIT_MS = 1000;

export interface ThreadedServerOptions {
  readonly threads: number;
  readonly health: PublishedHealth;
  readonly settings: ServerSettings;
  readonly loop: LoopLimits;
  readonly clock: Clock;
  readonly log: Log;
  /** Called after an event loop stall that exceeded a limit. */
  readonly onStall: (stall: Stall) => void;
  /**
   * Maximum heap size of a thread, in MiB.
   * @default that of Node.js
   */
  readonly maxHeap?: number;
}

/** A listener that is open on all threads. A Unix socket is open on the first thread only. */
interface OpenListener extends Pick<Listening, 'address' | 'settings' | 'setKeepAlive'> {
  settings: ListenerSettings;
  readonly bound: Address;
  readonly options: ListenOptions;
}

/** State of a thread, for metrics. */
export interface ThreadStatus {
  readonly index: number;
  readonly isResponding: boolean;
  readonly restarts: number;
}

function floats(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT));
}

function ints(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));
}

/** Answers PINGs on worker threads, several of which accept connections on the same addresses. */
export class ThreadedServer implements PingServer {
  readonly events = new EventEmitter<ServerEvents>();
  private readonly threads: PingThread[];
  private readonly serverNumbers: Float64Array[];
  private readonly serverStats: ServerStats[];
  private readonly threadStats: Float64Array[];
  private readonly grpcNumbers: Float64Array[];
  /** One counter per thread, so that the events of a thread that ended are not counted. */
  private readonly pendingEvents: Int32Array[];
  private readonly beats = ints(1);
  private readonly beating: LoopHeartbeat;
  private readonly counts;
  private readonly listeners: OpenListener[] = [];
  private readonly certificates: Certificates;
  private readonly origin = clockOrigin();
  private starting: Promise<unknown> | undefined;
  private settings: ServerSettings;
  /** The gRPC settings of the first thread, with the actual port. */
  private grpc: GrpcSettings | undefined;
  private loop: LoopLimits;

  constructor(private readonly options: ThreadedServerOptions) {
    const { threads, health, settings, loop, clock, log, onStall } = options;
    this.settings = settings;
    this.loop = loop;
    this.certificates = new Certificates(clock, log);
    this.beating = new LoopHeartbeat(this.beats);
    this.counts = countsMemory(threads, settings.limits.maxConnections, randomBytes(16).toString('hex'));
    const merged = new MergedLog(log, clock);
    const each = <T>(create: (index: number) => T) => Array.from({ length: threads }, (_, index) => create(index));
    this.serverNumbers = each(() => floats(ServerStats.length));
    this.serverStats = this.serverNumbers.map((numbers) => new ServerStats(numbers));
    this.threadStats = each(() => floats(ThreadStats.length));
    this.grpcNumbers = each(() => floats(GrpcStats.length));
    this.pendingEvents = each(() => ints(1));
    const context = {
      health,
      clock,
      log,
      maxHeap: options.maxHeap,
      data: (index: number) => this.dataOf(index),
      interest: () => this.interest(),
      prepare: (thread: PingThread) => this.prepare(thread),
      onEvent: (index: number, { event, args }: Extract<ToMain, { kind: 'event' }>) => {
        Atomics.sub(this.pendingEvents[index] as Int32Array, 0, 1);
        callSafely(() => this.events.emit(event, ...(args as never)));
      },
      onLog: (index: number, message: Extract<ToMain, { kind: 'log' }>) => merged.write(index, message),
      onStall,
      onEnded: (index: number) => {
        forgetThread(this.counts, index);
        this.serverStats[index]?.resetGauges();
        new GrpcStats(this.grpcNumbers[index]).resetGauges();
        Atomics.store(this.pendingEvents[index] as Int32Array, 0, 0);
      },
    };
    this.threads = each((index) => new PingThread(index, context));
    // Deferred, because `newListener` is emitted before the listener is added.
    const events: EventEmitter = this.events;
    events.on('newListener', () => queueMicrotask(() => this.announceInterest()));
    events.on('removeListener', () => this.announceInterest());
  }

  // -- statistics ------------------------------------------------------------

  /** Sum over all threads, including threads that have ended. */
  get stats(): ServerStats {
    const sum = ServerStats.sum(this.serverStats);
    const expiries = [...(this.threads[0]?.expiries ?? []), ...this.certificates.expiries()];
    sum.certificates = () => expiries;
    return sum;
  }

  /** The state of each thread. */
  statuses(): ThreadStatus[] {
    const now = this.options.clock.now();
    return this.threads.map(({ index, isRunning, restarts }) => ({
      index,
      isResponding: isRunning && now - this.statsOf(index).tickedAt <= RESPONSE_LIMIT_MS,
      restarts,
    }));
  }

  get grpcStats(): GrpcStats {
    return GrpcStats.sum(this.grpcNumbers.map((numbers) => new GrpcStats(numbers)));
  }

  get watchedSelections(): number {
    return this.threads.reduce((sum, { index }) => sum + this.statsOf(index).watchedSelections, 0);
  }

  /** The first thread's measurements of the main thread's event loop. */
  get loopStats(): Pick<ThreadStats, 'stalled' | 'longestStall' | 'stalls'> {
    return this.statsOf(0);
  }

  private statsOf(index: number): ThreadStats {
    return new ThreadStats(this.threadStats[index]);
  }

  // -- listeners -------------------------------------------------------------

  /**
   * Opens a listener on all threads, and starts the threads first if necessary.
   * @returns its address, with the assigned port in place of port 0.
   * @throws PongcheckError `PONGCHECK_LISTEN` if it cannot be opened, `PONGCHECK_THREAD` if a thread cannot be started.
   */
  async listen(address: Address, settings: ListenerSettings = {}): Promise<Address> {
    this.starting ??= this.start();
    await this.starting;
    const isShared = this.isShared(address);
    // With a shared port, the kernel reports no conflict with another process of the same user. Binding the port
    // without sharing detects the conflict.
    const free = isShared ? await reserve(address) : address;
    // Loads net-keepalive on this thread too. Node unloads a native module with the last thread that uses it, and
    // unloading this one crashes the process.
    const setKeepAlive = await keepAliveOf(settings, silentLog);
    const [first, ...others] = this.threads as [PingThread, ...PingThread[]];
    const options = { reusePort: isShared, configured: address };
    const bound = await first.call('listen', free, settings, options);
    this.listeners.push({ address: formatAddress(address), settings, setKeepAlive, bound, options });
    if (isShared) await Promise.all(others.map((thread) => thread.call('listen', bound, settings, options)));
    return bound;
  }

  /**
   * Opens the listener of the gRPC health service on the first thread, and starts the threads first if necessary.
   * @returns its address as HOST:PORT, with the actual port.
   * @throws PongcheckError like `GrpcServer.open`, and `PONGCHECK_THREAD`.
   */
  async openGrpc(grpc: GrpcSettings): Promise<string> {
    this.starting ??= this.start();
    await this.starting;
    const [first] = this.threads as [PingThread, ...PingThread[]];
    const address = await first.call('openGrpc', grpc);
    this.grpc = { ...grpc, port: Number(address.slice(address.lastIndexOf(':') + 1)) };
    return address;
  }

  private async start(): Promise<void> {
    this.beating.start();
    await Promise.all(this.threads.map((thread) => thread.start()));
  }

  private dataOf(index: number): ThreadData {
    return {
      index,
      origin: this.origin,
      identity: this.options.health.source.identity,
      settings: this.settingsOfThread(),
      loop: this.loop,
      beats: this.beats,
      serverStats: this.serverNumbers[index] as Float64Array,
      threadStats: this.threadStats[index] as Float64Array,
      grpcStats: this.grpcNumbers[index] as Float64Array,
      pendingEvents: this.pendingEvents[index] as Int32Array,
      counts: this.counts,
    };
  }

  /** Divides the limit that each thread counts separately. */
  private settingsOfThread(): ServerSettings {
    const { heartbeat, limits, detail, tokens, ping } = this.settings;
    const share = (limit: number) => Math.ceil(limit / this.threads.length);
    return {
      heartbeat,
      limits: { ...limits, maxWatchedSelections: share(limits.maxWatchedSelections) },
      detail,
      ping,
      ...(tokens && { tokens }),
    };
  }

  /** Opens the listeners of a thread that was restarted. */
  private async prepare(thread: PingThread): Promise<void> {
    for (const { bound, settings, options } of this.listenersOf(thread)) {
      await thread.call('listen', bound, settings, options);
    }
    if (thread.index === 0 && this.grpc) await thread.call('openGrpc', this.grpc);
  }

  private isShared({ kind }: Address): boolean {
    return this.threads.length > 1 && kind !== 'unix';
  }

  private listenersOf({ index }: PingThread): OpenListener[] {
    return this.listeners.filter(({ bound }) => index === 0 || this.isShared(bound));
  }

  private interest(): (keyof ServerEvents)[] {
    const events = ['connect', 'ping', 'close'] as const;
    return events.filter((event) => this.events.listenerCount(event) > 0);
  }

  private announceInterest(): void {
    for (const thread of this.threads) thread.setInterest(this.interest());
  }

  // -- reload ----------------------------------------------------------------

  async plan(settings: ServerSettings, listen: readonly Listen[]): Promise<ServerPlan> {
    return planReload(this.listeners, settings, listen, silentLog);
  }

  /**
   * Applies a plan on all threads. That includes threads that are being started, which received the previous settings.
   */
  async reload(
    { settings, listeners }: ServerPlan,
    loop: LoopLimits = this.loop,
    grpc: GrpcSettings | false = false,
  ): Promise<void> {
    this.settings = settings;
    // The gRPC address does not change.
    if (this.grpc && grpc) this.grpc = { ...grpc, port: this.grpc.port };
    this.loop = loop;
    for (const listener of this.listeners) {
      const change = listeners.get(listener);
      if (change) listener.settings = change.settings;
    }
    const sent = this.settingsOfThread();
    const listen = (thread: PingThread) =>
      this.listenersOf(thread).map(({ address, settings }) => ({ url: address, ...settings }));
    const existing = this.threads.filter(({ exists }) => exists);
    await this.ask((thread) => thread.call('reload', sent, listen(thread), loop, this.grpc), existing);
  }

  // -- connections -----------------------------------------------------------

  async infos(after: number, limit: number): Promise<ConnectionInfo[]> {
    const infos = await this.ask((thread) => thread.call('infos', after, limit));
    return infos
      .flat()
      .sort((a, b) => a.id - b.id)
      .slice(0, limit);
  }

  async heartbeat(idle: number, close: boolean): Promise<ConnectionInfo[]> {
    const infos = await this.ask((thread) => thread.call('heartbeat', idle, close));
    return infos.flat().sort((a, b) => a.id - b.id);
  }

  async protect(id: number, isProtected: boolean): Promise<boolean> {
    return (await this.ask((thread) => thread.call('protect', id, isProtected))).includes(true);
  }

  async disconnect(id: number): Promise<boolean> {
    return (await this.ask((thread) => thread.call('disconnect', id))).includes(true);
  }

  watchCertificate(listener: string, certificate: LiveCertificate): void {
    this.certificates.add(listener, certificate);
  }

  async reloadCertificates(): Promise<void> {
    await Promise.all([this.certificates.reload(), this.ask((thread) => thread.call('reloadCertificates'))]);
  }

  /**
   * Sends a request to all running threads. Threads that do not answer in time are logged and omitted from the result.
   */
  private async ask<T>(
    request: (thread: PingThread) => Promise<T>,
    threads = this.threads.filter(({ isRunning }) => isRunning),
  ): Promise<T[]> {
    const answers: T[] = [];
    const one = async (thread: PingThread) => {
      try {
        answers.push(await request(thread));
      } catch (error) {
        this.options.log.warn({ thread: thread.index }, (error as Error).message);
      }
    };
    await Promise.all(threads.map(one));
    return answers;
  }

  // -- the end ---------------------------------------------------------------

  async goaway(graceMs: number): Promise<void> {
    await this.ask((thread) => thread.callUpdated('goaway', graceMs));
  }

  async close(): Promise<void> {
    this.certificates.close();
    await this.starting?.catch(() => {});
    await Promise.all(this.threads.map((thread) => thread.stop()));
    this.beating.stop();
  }
}

/** Binds the address briefly without sharing it. Returns the address with the assigned port in place of port 0. */
async function reserve(address: Address): Promise<Address> {
  const server = createServer();
  const where = formatAddress(address);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(where, error)));
    server.listen(endpointOf(address), resolve);
  });
  const local = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address.kind !== 'unix' && typeof local === 'object' && local ? { ...address, port: local.port } : address;
}
