import type { Clock, Timer } from '../src/common/clock.js';

interface Pending {
  at: number;
  order: number;
  fire: () => void;
}

/** A clock that stands still until it is told to advance. */
export class FakeClock implements Clock {
  private time = 0;
  private order = 0;
  private readonly pending = new Set<Pending>();
  /** Wall time is monotonic time plus this; a test steps it to prove that nobody cares. */
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

  /** Moves time without firing anything: the loop stood still. What fell due fires at the next advance, late. */
  jump(ms: number): void {
    this.time += ms;
  }

  /** Timers that are set and have not fired. */
  get timers(): number {
    return this.pending.size;
  }

  /** Advances until `done` settles; returns how many milliseconds passed. Throws what `done` rejects with. */
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

  /** Moves time by `ms`, firing what falls due in its order, and lets promises settle in between. */
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

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
