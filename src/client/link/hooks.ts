import type { Clock, Timer } from '../../common/clock.js';
import { redactor } from '../../common/redact.js';
import type { Client } from '../client.js';

/** Hooks of a link; a returned promise is awaited. Times in milliseconds. */
export interface ConnectionHooks {
  /** Called when a connection is up, for example to resubscribe. An error is emitted as `warning`. */
  onUp?: (client: Client) => unknown;
  /** Called once for each `onUp` when that connection has ended, also by `close`. */
  onDown?: (why: string, client: Client) => unknown;
  /**
   * Time in milliseconds to wait for a hook before the next one is called.
   *
   * @default 5000
   */
  hookTimeout?: number;
}

interface Call {
  readonly name: 'onUp' | 'onDown';
  readonly run: () => unknown;
}

const HOOK_TIMEOUT_MS = 5000;
/** Never throws, no matter what a hook has thrown. */
const describeError = redactor([]);

/**
 * Calls the hooks one at a time, so that setup never overlaps the cleanup of the previous connection. A hook that hangs
 * delays the next one by `hookTimeout`. At most two calls are queued. The calls for a connection that came and went in
 * the meantime are skipped.
 */
export class Hooks {
  private readonly calls: Call[] = [];
  /** Resolves when the queue is empty. */
  private running: Promise<void> | undefined;

  constructor(
    private readonly hooks: ConnectionHooks,
    private readonly clock: Clock,
    private readonly warn: (description: string) => void,
  ) {}

  up(client: Client): void {
    this.add({ name: 'onUp', run: () => this.hooks.onUp?.(client) });
  }

  down(why: string, client: Client): void {
    if (this.calls.at(-1)?.name === 'onUp') this.calls.pop();
    else this.add({ name: 'onDown', run: () => this.hooks.onDown?.(why, client) });
  }

  /** Resolves when all queued hooks have ended or timed out. */
  async done(): Promise<void> {
    await this.running;
  }

  private add(call: Call): void {
    this.calls.push(call);
    this.running ??= this.runAll();
  }

  private async runAll(): Promise<void> {
    // Hooks must not run inside the event that caused them.
    await undefined;
    for (let call = this.calls.shift(); call; call = this.calls.shift()) await this.runOne(call);
    this.running = undefined;
  }

  /** Never rejects. */
  private async runOne({ name, run }: Call): Promise<void> {
    const { clock, warn } = this;
    const { hookTimeout = HOOK_TIMEOUT_MS } = this.hooks;
    let timer: Timer;
    const timedOut = new Promise<void>((resolve) => {
      timer = clock.after(hookTimeout, () => {
        warn(`${name} timed out after ${hookTimeout} ms; continuing`);
        resolve();
      });
    });
    const failed = (error: unknown) => warn(`${name} failed: ${describeError(error)}`);
    await Promise.race([new Promise((resolve) => resolve(run())).then(() => {}, failed), timedOut]);
    clock.clear(timer);
  }
}
