import type { Clock, Timer } from '../src/common/clock.js';

interface Pending {
  at: number;
  order: number;
  fire: () => void;
}

/** A clock that advances only when a test tells it to. */
export class FakeClock implements Clock {
  private time = 0;
  private order = 0;
  private readonly pending = new Set<Pending>();
  /** Wall-clock time minus monotonic time. A test steps it to verify that steps have no effect. */
  wallOffset = Date.UTC(2026, 0, 1);

  now(): number {
    return this.time;
  }

  wall(): number {
    return this.time + this.wallOffset;
  }

  after(ms: number, fire: () => void): Timer {
    const timer: Pending = { at: this.time + Math.max(0, ms), order: this.order++, fire };
    this.pending.add(timer);
    return timer;
  }

  clear(timer: Timer): void {
    this.pending.delete(timer as Pending);
  }

  /**
   * Moves the time without firing timers, as a blocked event loop does. Timers that became due fire late, at the next
   * advance.
   */
  jump(ms: number): void {
    this.time += ms;
  }

  /** Number of timers that are set and have not fired. */
  get timers(): number {
    return this.pending.size;
  }

  /**
   * Advances until `done` settles. Returns the number of milliseconds that passed. Throws the reason with which `done`
   * rejects.
   */
  async advanceUntil(done: Promise<unknown>): Promise<number> {
    const begun = this.time;
    let open = true;
    const end = () => {
      open = false;
    };
    void done.then(end, end);
    while (open) await this.advance(50);
    await done;
    return this.time - begun;
  }

  /** Advances the time by `ms`. Fires due timers in order, and lets promises settle between them. */
  async advance(ms: number): Promise<void> {
    const until = this.time + ms;
    await settle();
    for (;;) {
      let next: Pending | undefined;
      for (const timer of this.pending) {
        if (timer.at > until) continue;
        if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
      }
      if (!next) break;
      this.pending.delete(next);
      this.time = Math.max(this.time, next.at);
      next.fire();
      await settle();
    }
    this.time = Math.max(this.time, until);
  }
}

/** Lets all promises settle that can. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
