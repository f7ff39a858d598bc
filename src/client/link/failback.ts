import type { Clock, Timer } from '../../common/clock.js';
import { type BackoffOptions, backoff } from './backoff.js';

export interface SearchOptions {
  /** The least between two looks, in milliseconds. */
  interval: number;
  backoff: BackoffOptions;
  random: () => number;
}

/** The part of the interval by which looks come later, so that clients do not look in step. */
const JITTER = 0.25;

/** Looks again and again for something better: one look at a time, rarer the longer nothing is found. */
export class FailbackProbe {
  private timer: Timer;
  private armed = false;
  private looks = 0;
  /** The look that is under way. */
  private looking: Promise<void> | undefined;
  private ended = false;

  constructor(
    private readonly clock: Clock,
    private readonly options: SearchOptions,
    /** Looks once; true: what was looked for is wanted still. Never rejects. */
    private readonly look: () => Promise<boolean>,
  ) {}

  /** The first look comes after `ms`, however many there were before. */
  begin(ms: number): void {
    this.stop();
    this.looks = 0;
    this.arm(ms);
  }

  /** The next look comes in its own time, if none is planned or under way. */
  goOn(): void {
    if (this.armed || this.looking) return;
    const { interval, backoff: times, random } = this.options;
    const least = interval * (1 + JITTER * random());
    this.arm(Math.max(least, this.looks === 0 ? 0 : backoff(this.looks, times, random)));
  }

  /** No look is planned any more; one that is under way ends by itself. */
  stop(): void {
    this.clock.clear(this.timer);
    this.armed = false;
  }

  /** No look ever again. Resolves when the one that is under way has ended. */
  async end(): Promise<void> {
    this.ended = true;
    this.stop();
    await this.looking;
  }

  private arm(ms: number): void {
    if (this.ended) return;
    this.armed = true;
    this.timer = this.clock.after(ms, () => {
      this.armed = false;
      this.looks++;
      // One under way finds what there is to be found.
      this.looking ??= this.look().then((wanted) => {
        this.looking = undefined;
        if (wanted) this.goOn();
      });
    });
  }
}
