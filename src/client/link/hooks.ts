import type { Clock } from '../../common/clock.js';
import { redactor } from '../../common/redact.js';
import { withTimeout } from '../../common/with-timeout.js';
import type { Client } from '../client.js';

/** Hooks of a link. Returned promises are awaited. Times are in milliseconds. */
export interface ConnectionHooks {
  /** Called when a connection is up, for example to subscribe again. Errors are emitted as `warning`. */
  onUp?: (client: Client) => unknown;
  /** Called once for each `onUp` when that connection ends, including on `close`. */
  onDown?: (why: string, client: Client) => unknown;
  /**
   * Time to wait for a hook before the next one is called, in milliseconds.
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
/** Never throws, regardless of what a hook throws. */
const describeError = redactor([]);

/**
 * Calls the hooks one at a time, so that setup never overlaps with cleanup of the previous connection. A hook that hangs
 * delays the next one by `hookTimeout`. At most two calls are queued: if a connection opens and closes while a hook is
 * running, its calls are skipped.
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
    // Hooks are not called within the event that caused the call.
    await undefined;
    for (let call = this.calls.shift(); call; call = this.calls.shift()) await this.runOne(call);
    this.running = undefined;
  }

  /** Never rejects. */
  private async runOne({ name, run }: Call): Promise<void> {
    const { clock, warn } = this;
    const { hookTimeout = HOOK_TIMEOUT_MS } = this.hooks;
    const failed = (error: unknown) => warn(`${name} failed: ${describeError(error)}`);
    const called = new Promise((resolve) => resolve(run())).then(() => {}, failed);
    await withTimeout(clock, hookTimeout, called, () => warn(`${name} timed out after ${hookTimeout} ms; continuing`));
  }
}
