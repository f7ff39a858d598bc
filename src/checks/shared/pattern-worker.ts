import { Worker } from 'node:worker_threads';
import { systemClock } from '../../common/clock.js';
import { CheckFailure } from '../../health/reason.js';
import { withStepTimeout } from './deadline.js';

/** Source code of the thread. A string, so that a bundled package needs no separate file. */
const SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const expressions = workerData.map(({ source, flags }) => new RegExp(source, flags));
parentPort.on('message', ({ id, index, text }) => {
  try {
    parentPort.postMessage({ id, isMatch: expressions[index].test(text) });
  } catch (error) {
    parentPort.postMessage({ id, error: String(error) });
  }
});
parentPort.postMessage({ id: 0 });
`;

interface Message {
  /** 0 means that the thread is ready. */
  readonly id: number;
  readonly isMatch?: boolean;
  readonly error?: string;
}

interface Waiting {
  resolve(isMatch: boolean): void;
  reject(error: CheckFailure): void;
}

/**
 * Matches the user's regular expressions against texts from other processes in a separate thread. Some matches
 * practically never finish, and only a thread can be terminated. The thread starts with the first match or with `load`,
 * and is kept.
 */
export class PatternWorker {
  private readonly expressions: { source: string; flags: string }[] = [];
  private worker: Worker | undefined;
  private closed = false;
  private matches = 0;
  /** By match number. Number 0 waits until the thread is ready. */
  private readonly waiting = new Map<number, Waiting>();

  /** Adds a valid expression and returns its index. Call before the thread starts. */
  add({ source, flags }: RegExp): number {
    return this.expressions.push({ source, flags }) - 1;
  }

  /** Starts the thread if there are expressions. Resolves when the thread is ready. */
  async load(): Promise<void> {
    if (this.expressions.length === 0 || this.worker) return;
    await new Promise((resolve, reject) => {
      this.waiting.set(0, { resolve, reject });
      this.start();
    });
  }

  /**
   * Whether the expression matches. If that takes more than three quarters of the time until `deadline`, the thread is
   * terminated and the promise rejects with reason `timeout`.
   */
  match(index: number, text: string, name: string, signal: AbortSignal, deadline: number): Promise<boolean> {
    const timeoutError = (ms: number) => new CheckFailure('timeout', `the pattern of ${name} took more than ${ms} ms`);
    return withStepTimeout(systemClock, deadline, signal, timeoutError, async (stepSignal) => {
      const end = () => void this.end(stepSignal.reason);
      stepSignal.throwIfAborted();
      stepSignal.addEventListener('abort', end, { once: true });
      try {
        return await this.send(index, text);
      } finally {
        stepSignal.removeEventListener('abort', end);
      }
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.end(new CheckFailure('internal', 'the check is closed'));
  }

  private send(index: number, text: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const id = ++this.matches;
      this.waiting.set(id, { resolve, reject });
      this.start()?.postMessage({ id, index, text });
    });
  }

  private start(): Worker | undefined {
    if (this.worker) return this.worker;
    if (this.closed) {
      void this.end(new CheckFailure('internal', 'the check is closed'));
      return undefined;
    }
    // Flags and environment variables of the process, such as --import, must not affect the thread.
    const worker = new Worker(SOURCE, { eval: true, workerData: this.expressions, execArgv: [], env: {} });
    worker.on('message', (message: Message) => this.settle(message));
    const lost = (error: unknown) => {
      if (this.worker === worker)
        void this.end(new CheckFailure('internal', `the pattern thread exited: ${String(error)}`));
    };
    worker.on('error', lost).on('exit', (code) => lost(`exit ${code}`));
    // Called last, because a message listener keeps the process alive.
    worker.unref();
    this.worker = worker;
    return worker;
  }

  private settle({ id, isMatch = false, error }: Message): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(isMatch);
    else waiting?.reject(new CheckFailure('internal', `matching the pattern failed: ${error}`));
  }

  /** Terminates the thread and rejects pending matches. The next match starts another thread. */
  private async end(failure: CheckFailure): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of waiting) reject(failure);
    await worker?.terminate();
  }
}
