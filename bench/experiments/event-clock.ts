import type { Clock, Timer } from '../../src/common/clock.js';

interface Event {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | undefined;
}

/** Simulated time for many thousands of timers. It jumps from one timer to the next. */
export class EventClock implements Clock {
  private time = 0;
  private order = 0;
  /** A binary heap. Cleared timers remain in it until their time. */
  private readonly events: Event[] = [];

  now(): number {
    return this.time;
  }

  wall(): number {
    return this.time;
  }

  after(ms: number, fire: () => void): Timer {
    const event: Event = { at: this.time + Math.max(0, ms), order: this.order++, fire };
    if (ms < Number.POSITIVE_INFINITY) this.push(event);
    return event;
  }

  clear(timer: Timer): void {
    if (timer) (timer as Event).fire = undefined;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Fires all timers that are due until `end`. Promises settle between them. */
  async runUntil(end: number): Promise<void> {
    await settle();
    for (let next = this.events[0]; next && next.at <= end; next = this.events[0]) {
      this.pop();
      if (!next.fire) continue;
      this.time = next.at;
      next.fire();
      await settle();
    }
    this.time = end;
  }

  private push(event: Event): void {
    const { events } = this;
    let at = events.length;
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(event, events[parent] as Event); parent = (at - 1) >> 1) {
      events[at] = events[parent] as Event;
      at = parent;
    }
    events[at] = event;
  }

  private pop(): void {
    const { events } = this;
    const last = events.pop() as Event;
    if (events.length === 0) return;
    let at = 0;
    for (let child = 1; child < events.length; child = 2 * at + 1) {
      const right = events[child + 1];
      if (right && isBefore(right, events[child] as Event)) child++;
      if (!isBefore(events[child] as Event, last)) break;
      events[at] = events[child] as Event;
      at = child;
    }
    events[at] = last;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Lets all promises settle that can. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
