import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../common/clock.js';
import { type ErrorCode, PongcheckError } from '../common/errors.js';
import type { Log } from '../common/log.js';
import { withTimeout } from '../common/with-timeout.js';
import { afterNextPoll } from '../server/sockets/after-next-poll.js';
import type { Stall } from './loop-monitor.js';
import type { Interest, ThreadMethods, ToMain, ToThread } from './messages.js';
import { type PublishedHealth, Publisher } from './publisher.js';
import type { ThreadData } from './thread-data.js';
import { threadFile } from './thread-file.js';

/**
 * Delay in milliseconds before a thread that ended is restarted. It doubles with each restart until the thread has run
 * for `STABLE_MS`.
 */
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 10_000;
/** Time after which a start counts as successful, in milliseconds. */
const STABLE_MS = 10_000;
/** Maximum time until a started thread accepts calls, in milliseconds. */
const START_LIMIT_MS = 30_000;
/**
 * Timeouts for calls, in milliseconds. Calls that may wait for the lock of a Unix socket, load modules for gRPC, or
 * wait for connections to end have more time.
 */
const CALL_LIMIT_MS = 1000;
const CALL_LIMITS_MS: Partial<Record<keyof ThreadMethods, number>> = {
  listen: 10_000,
  openGrpc: 10_000,
  close: 2500,
};

interface Call {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export interface ThreadContext {
  readonly health: PublishedHealth;
  readonly clock: Clock;
  readonly log: Log;
  /** In MiB. Undefined: the default of Node.js. */
  readonly maxHeap: number | undefined;
  /** Returns the data with which a thread starts. */
  data(index: number): ThreadData;
  /** The events that the thread forwards. */
  interest(): Interest;
  /** Sets up a thread that has just been started or restarted. */
  prepare(thread: PingThread): Promise<void>;
  onEvent(index: number, message: Extract<ToMain, { kind: 'event' }>): void;
  onLog(index: number, message: Extract<ToMain, { kind: 'log' }>): void;
  onStall(stall: Stall): void;
  /** Called when the thread and its connections have ended. */
  onEnded(index: number): void;
}

/** The main thread's side of one PING thread. Restarts the thread if it ends unexpectedly. */
export class PingThread {
  /** Certificate expiry time of each listener. */
  expiries: readonly (readonly [listener: string, at: number])[] = [];
  /** Number of restarts. */
  restarts = 0;
  isRunning = false;
  private worker: Worker | undefined;
  private publisher: Publisher | undefined;
  private readonly calls = new Map<number, Call>();
  private lastCall = 0;
  private delay = FIRST_DELAY_MS;
  private startedAt = 0;
  private restartTimer: Timer;
  private isStopped = false;

  constructor(
    readonly index: number,
    private readonly context: ThreadContext,
  ) {}

  /**
   * Starts the thread. Resolves when the thread is running and set up.
   * @throws PongcheckError `PONGCHECK_THREAD` if it cannot be started.
   */
  async start(): Promise<void> {
    const { context, index } = this;
    this.startedAt = context.clock.now();
    const worker = new Worker(threadFile(), {
      workerData: context.data(index),
      name: `pongcheck-${index}`,
      // The thread needs none of the modules that the application loads with `--import` or `--require`.
      execArgv: [],
      ...(context.maxHeap !== undefined && { resourceLimits: { maxOldGenerationSizeMb: context.maxHeap } }),
    });
    this.worker = worker;
    let failure: string | undefined;
    // The thread may have thrown any value.
    worker.on('error', (error: Partial<Error> | undefined) => {
      failure = error?.message ?? String(error);
    });
    const ready = new Promise<void>((resolve, reject) => {
      worker.on('message', (message: ToMain) => {
        if (message.kind === 'ready') resolve();
        else this.onMessage(message);
      });
      worker.once('exit', (code) => {
        const why = failure ?? `exit code ${code}`;
        reject(new PongcheckError('PONGCHECK_THREAD', `PING thread ${index} ended: ${why}`));
        this.onExit(worker, why);
      });
    });
    await this.withLimit(START_LIMIT_MS, ready);
    this.publisher = new Publisher(context.health, (update) => this.send({ kind: 'update', update }));
    this.setInterest(context.interest());
    await context.prepare(this);
    this.isRunning = true;
  }

  /** Whether the thread is running or being started. */
  get exists(): boolean {
    return this.worker !== undefined;
  }

  /**
   * Calls a method of the thread.
   * @throws PongcheckError (rejects) the error of the method, or `PONGCHECK_THREAD` if the thread is not running, ends
   * before it answers, or does not answer in time.
   */
  async call<M extends keyof ThreadMethods>(
    method: M,
    ...args: Parameters<ThreadMethods[M]>
  ): Promise<Awaited<ReturnType<ThreadMethods[M]>>> {
    if (!this.worker) throw this.ended();
    const id = ++this.lastCall;
    const answer = new Promise<unknown>((resolve, reject) => this.calls.set(id, { resolve, reject }));
    this.send({ kind: 'call', id, method, args });
    const limited = this.withLimit(CALL_LIMITS_MS[method] ?? CALL_LIMIT_MS, answer);
    return limited.finally(() => this.calls.delete(id)) as Promise<Awaited<ReturnType<ThreadMethods[M]>>>;
  }

  /**
   * Like `call`, but sends pending health updates first, so that the thread does not answer with outdated health
   * afterwards.
   */
  callUpdated<M extends keyof ThreadMethods>(method: M, ...args: Parameters<ThreadMethods[M]>) {
    this.publisher?.sendNow();
    return this.call(method, ...args);
  }

  setInterest(events: Interest): void {
    this.send({ kind: 'interest', events });
  }

  /** Lets the thread close its connections, then ends it without a restart. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.context.clock.clear(this.restartTimer);
    if (this.isRunning) await this.callUpdated('close').catch(() => {});
    await this.worker?.terminate();
  }

  private send(message: ToThread): void {
    this.worker?.postMessage(message);
  }

  private onMessage(message: ToMain): void {
    switch (message.kind) {
      case 'update-taken':
        return this.publisher?.onTaken();
      case 'demand':
        this.publisher?.onDemand(message.demand);
        return this.send({ kind: 'demand-taken' });
      case 'event':
        return this.context.onEvent(this.index, message);
      case 'log':
        return this.context.onLog(this.index, message);
      case 'stall':
        return this.context.onStall(message.stall);
      case 'certificates':
        this.expiries = message.expiries;
        return;
      case 'result': {
        const call = this.calls.get(message.id);
        const { error } = message;
        if (error) call?.reject(new PongcheckError(error.code as ErrorCode, error.message));
        else call?.resolve(message.value);
      }
    }
  }

  private onExit(worker: Worker, why: string): void {
    if (this.worker !== worker) return;
    const { clock, log } = this.context;
    const wasRunning = this.isRunning;
    this.isRunning = false;
    this.worker = undefined;
    this.publisher?.close();
    this.publisher = undefined;
    this.expiries = [];
    for (const { reject } of this.calls.values()) reject(this.ended());
    this.calls.clear();
    this.context.onEnded(this.index);
    if (this.isStopped || !(wasRunning || this.restarts > 0)) return;
    if (clock.now() - this.startedAt > STABLE_MS) this.delay = FIRST_DELAY_MS;
    log.error({ thread: this.index }, `PING thread ${this.index} ended (${why}); restarting it in ${this.delay} ms`);
    this.restartLater();
  }

  private restartLater(): void {
    this.restartTimer = this.context.clock.after(this.delay, () => {
      this.restartTimer = undefined;
      this.restarts++;
      this.start().catch((error: Error) => this.onRestartFailed(error));
    });
    this.delay = Math.min(MAX_DELAY_MS, this.delay * 2);
  }

  private onRestartFailed(error: Error): void {
    // The thread has ended. That was logged, and a restart is scheduled.
    if (this.isStopped || this.restartTimer !== undefined) return;
    this.context.log.error({ thread: this.index }, `PING thread ${this.index} not started: ${error.message}`);
    // Either the thread runs without all listeners, and terminating it schedules a restart, or no thread could be
    // created.
    if (this.worker) void this.worker.terminate();
    else this.restartLater();
  }

  private async withLimit<T>(ms: number, answer: Promise<T>): Promise<T> {
    return withTimeout(this.context.clock, ms, answer, async () => {
      // If this event loop was blocked, the answer may have arrived without having been read.
      await afterNextPoll();
      throw new PongcheckError('PONGCHECK_THREAD', `PING thread ${this.index} did not answer within ${ms} ms`);
    });
  }

  private ended(): PongcheckError {
    return new PongcheckError('PONGCHECK_THREAD', `PING thread ${this.index} is not running`);
  }
}
