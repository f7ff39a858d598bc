import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../clock.js';

/** From one message to the next while nothing changes, in milliseconds: ages and durations change always. */
const TICK = 2000;
/** Changes that come together go out together. */
const SOON = 50;
/** Each costs a socket and a copy of what it has not read. */
const MAX_VIEWERS = 100;
/** A viewer that has not read for so long is gone. */
const MAX_BEHIND = 30_000;

interface Viewer {
  readonly response: ServerResponse;
  /** What it was sent last was all; it ends where it no longer may see that. */
  readonly sawAll: boolean;
  readonly mayAll: () => boolean;
  /** Monotonic moment since when it has not read what it was sent. */
  behindSince: number | undefined;
}

/**
 * Those who look at the page now, by server-sent events. Each message is all
 * there is to see: who reads slowly misses some and gets the latest.
 */
export class Live {
  private readonly viewers = new Set<Viewer>();
  private timer: Timer;
  private dueAt = Number.POSITIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    /** What a viewer is sent, as one line. */
    private readonly message: (mayAll: boolean) => string,
  ) {}

  get isFull(): boolean {
    return this.viewers.size >= MAX_VIEWERS;
  }

  /** Sends the first message at once, and more until the viewer leaves. The head must have been written. */
  add(response: ServerResponse, mayAll: () => boolean): void {
    const sawAll = mayAll();
    const viewer: Viewer = { response, sawAll, mayAll, behindSince: undefined };
    this.viewers.add(viewer);
    response.on('drain', () => {
      viewer.behindSince = undefined;
    });
    response.on('error', () => {});
    response.on('close', () => {
      this.viewers.delete(viewer);
      if (this.viewers.size === 0) this.rest();
    });
    this.send(viewer, this.message(sawAll));
    this.plan(TICK);
  }

  /** Something is other than before. */
  changed(): void {
    if (this.viewers.size > 0) this.plan(SOON);
  }

  /** Sends everyone away. */
  end(): void {
    for (const { response } of this.viewers) response.end();
  }

  private plan(ms: number): void {
    const at = this.clock.now() + ms;
    if (at >= this.dueAt) return;
    this.clock.clear(this.timer);
    this.dueAt = at;
    this.timer = this.clock.after(ms, () => this.tell());
  }

  private rest(): void {
    this.clock.clear(this.timer);
    this.dueAt = Number.POSITIVE_INFINITY;
  }

  private tell(): void {
    this.rest();
    const messages = new Map<boolean, string>();
    for (const viewer of this.viewers) {
      const mayAll = viewer.mayAll();
      if (viewer.sawAll && !mayAll) {
        viewer.response.end();
        continue;
      }
      const message = messages.get(mayAll) ?? this.message(mayAll);
      messages.set(mayAll, message);
      this.send(viewer, message);
    }
    if (this.viewers.size > 0) this.plan(TICK);
  }

  private send(viewer: Viewer, message: string): void {
    const now = this.clock.now();
    const { response, behindSince } = viewer;
    if (behindSince === undefined) {
      if (!response.write(`data: ${message}\n\n`)) viewer.behindSince = now;
    } else if (now - behindSince > MAX_BEHIND) {
      response.destroy();
    }
  }
}
