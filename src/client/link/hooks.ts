import type { Clock, Timer } from '../../common/clock.js';
import type { Client } from '../client.js';

/** Both may return a promise, which is waited for. Times in milliseconds. */
export interface ConnectionHooks {
  /** A connection is up: the place to subscribe again. What it throws is told as a warning. */
  onUp?: (client: Client) => unknown;
  /** A connection that was up is over: the place to clean up. Called once for each `onUp`, by `close` too. */
  onDown?: (why: string, client: Client) => unknown;
  /** How long one of them is waited for before the next is called. Default 5,000. */
  hookTimeout?: number;
}

interface Call {
  readonly name: 'onUp' | 'onDown';
  readonly run: () => unknown;
}

export const HOOK_TIMEOUT = 5000;

/**
 * Calls the hooks one after the other: nothing is set up while what was before is being cleaned up. One that hangs
 * holds up the next for `limit` milliseconds. At most two wait: of a connection that came and went meanwhile nobody
 * is told.
 */
export class Hooks {
  private readonly calls: Call[] = [];
  /** Resolves when nothing waits any more. */
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

  /** Resolves when all have been called and have ended, or were given up. */
  async done(): Promise<void> {
    await this.running;
  }

  private add(call: Call): void {
    this.calls.push(call);
    this.running ??= this.runAll();
  }

  private async runAll(): Promise<void> {
    // Never within the event that caused it.
    await undefined;
    for (let call = this.calls.shift(); call; call = this.calls.shift()) await this.runOne(call);
    this.running = undefined;
  }

  /** Never rejects. */
  private async runOne({ name, run }: Call): Promise<void> {
    const { clock, warn } = this;
    const { hookTimeout = HOOK_TIMEOUT } = this.hooks;
    let timer: Timer;
    const late = new Promise<void>((resolve) => {
      timer = clock.after(hookTimeout, () => {
        warn(`${name} is not done after ${hookTimeout} ms and is waited for no longer`);
        resolve();
      });
    });
    const failed = (error: unknown) => warn(`${name} failed: ${(error as Error)?.message ?? error}`);
    await Promise.race([new Promise((resolve) => resolve(run())).then(() => {}, failed), late]);
    clock.clear(timer);
  }
}
