import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../common/clock.js';
import { type ErrorCode, PongcheckError } from '../common/errors.js';
import type { Log } from '../common/log.js';
import { afterNextPoll } from '../server/sockets/after-next-poll.js';
import type { Stall } from './loop-monitor.js';
import type { Interest, ThreadMethods, ToMain, ToThread } from './messages.js';
import { type PublishedHealth, Publisher } from './publisher.js';
import type { ThreadData } from './thread-data.js';
import { threadFile } from './thread-file.js';

/** Delay before a thread that has ended is started again, in milliseconds; doubles until it has run for a while. */
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 10_000;
/** Time after which a thread counts as started successfully. */
const STABLE_MS = 10_000;
/** Time limit for a start until the thread can be called, in milliseconds. */
const START_LIMIT_MS = 30_000;
/** Time limits for its answers to calls, in milliseconds. A Unix socket may wait for a lock, gRPC loads
 * modules, and connections wait for their end. */
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
  /** In MiB; undefined: the default of Node.js. */
  readonly maxHeap: number | undefined;
  /** What a thread is started with now. */
  data(index: number): ThreadData;
  /** The events that it sends. */
  interest(): Interest;
  /** Sets up a thread that has just been started, again or for the first time. */
  prepare(thread: PingThread): Promise<void>;
  onEvent(index: number, message: Extract<ToMain, { kind: 'event' }>): void;
  onLog(index: number, message: Extract<ToMain, { kind: 'log' }>): void;
  onStall(stall: Stall): void;
  /** The thread has ended, and its connections are broken. */
  onEnded(index: number): void;
}

/** The main thread's side of one PING thread. A thread that ends unexpectedly is started again. */
export class PingThread {
  /** Expiry of the certificate of each listener. */
  expiries: readonly (readonly [listener: string, at: number])[] = [];
  /** How often it was started again. */
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
   * Resolves when the thread runs and is prepared.
   * @throws PongcheckError `PONGCHECK_THREAD` if it cannot be started.
   */
  async start(): Promise<void> {
    const { context, index } = this;
    this.startedAt = context.clock.now();
    const worker = new Worker(threadFile(), {
      workerData: context.data(index),
      name: `pongcheck-${index}`,
      // The thread needs nothing that the command line of the application loads with `--import` or `--require`.
      execArgv: [],
      ...(context.maxHeap !== undefined && { resourceLimits: { maxOldGenerationSizeMb: context.maxHeap } }),
    });
    this.worker = worker;
    let failure: string | undefined;
    // It may be any value that was thrown.
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

  /** Whether it runs or is being started. */
  get exists(): boolean {
    return this.worker !== undefined;
  }

  /**
   * Calls a method of the thread.
   * @throws PongcheckError (rejects) that of the method, or `PONGCHECK_THREAD` if the thread does not run, ends first, or does
   *   not answer in time.
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

  /** As `call`, for a method after which the thread must not answer with an earlier health. */
  callUpdated<M extends keyof ThreadMethods>(method: M, ...args: Parameters<ThreadMethods[M]>) {
    this.publisher?.sendNow();
    return this.call(method, ...args);
  }

  setInterest(events: Interest): void {
    this.send({ kind: 'interest', events });
  }

  /** Lets the thread close its connections, and ends it. It is not started again. */
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
    // The thread has ended, which was logged and restarts it.
    if (this.isStopped || this.restartTimer !== undefined) return;
    this.context.log.error({ thread: this.index }, `PING thread ${this.index} not started: ${error.message}`);
    // A thread that runs without all its listeners is restarted when it ends; otherwise none could be created.
    if (this.worker) void this.worker.terminate();
    else this.restartLater();
  }

  private async withLimit<T>(ms: number, answer: Promise<T>): Promise<T> {
    const { clock } = this.context;
    let timer: Timer;
    const limit = new Promise<never>((_, reject) => {
      timer = clock.after(ms, async () => {
        // If this event loop was blocked, the answer may have arrived and not been read.
        await afterNextPoll();
        reject(new PongcheckError('PONGCHECK_THREAD', `PING thread ${this.index} did not answer within ${ms} ms`));
      });
    });
    return Promise.race([answer, limit]).finally(() => clock.clear(timer));
  }

  private ended(): PongcheckError {
    return new PongcheckError('PONGCHECK_THREAD', `PING thread ${this.index} is not running`);
  }
}
