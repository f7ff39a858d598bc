import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../common/clock.js';

/** From one message to the next while nothing changes, in milliseconds: ages and durations change always. */
const TICK = 2000;
/** Changes that come together go out together. */
const SOON = 50;
/** However often something changes, a message is made once in this time. */
const LEAST = 250;
/** Each costs a socket and a message that it has not read. */
export const MAX_VIEWERS = 100;
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
  private toldAt = Number.NEGATIVE_INFINITY;
  /** By `mayAll`, the latest message and when it was made. */
  private readonly latest = new Map<boolean, { bytes: Buffer; at: number }>();

  constructor(
    private readonly clock: Clock,
    /** What a viewer is sent, as one line. */
    private readonly message: (mayAll: boolean) => string,
    private readonly maxViewers = MAX_VIEWERS,
  ) {}

  /**
   * Sends the first message at once, and more until the viewer leaves. The head must have been written. Where too many
   * look already, one that does not read makes room, or else the one that came first, whose page comes back by itself.
   */
  add(response: ServerResponse, mayAll: () => boolean): void {
    if (response.destroyed) return;
    if (this.viewers.size >= this.maxViewers) this.removeStaleSocket();
    const sawAll = mayAll();
    const viewer: Viewer = { response, sawAll, mayAll, behindSince: undefined };
    this.viewers.add(viewer);
    response.on('drain', () => {
      viewer.behindSince = undefined;
    });
    response.on('error', () => {});
    response.on('close', () => {
      this.viewers.delete(viewer);
      if (this.viewers.size > 0) return;
      this.rest();
      this.latest.clear();
    });
    const kept = this.latest.get(sawAll);
    const isFresh = kept && this.clock.now() - kept.at < LEAST;
    this.send(viewer, isFresh ? kept.bytes : this.make(sawAll));
    this.plan(TICK);
  }

  /** Something is other than before. */
  changed(): void {
    if (this.viewers.size > 0) this.plan(Math.max(SOON, this.toldAt + LEAST - this.clock.now()));
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
    this.toldAt = this.clock.now();
    const messages = new Map<boolean, Buffer>();
    for (const viewer of this.viewers) {
      const mayAll = viewer.mayAll();
      if (viewer.sawAll && !mayAll) {
        viewer.response.end();
        continue;
      }
      const message = messages.get(mayAll) ?? this.make(mayAll);
      messages.set(mayAll, message);
      this.send(viewer, message);
    }
    if (this.viewers.size > 0) this.plan(TICK);
  }

  private make(mayAll: boolean): Buffer {
    const bytes = Buffer.from(`data: ${this.message(mayAll)}\n\n`);
    this.latest.set(mayAll, { bytes, at: this.clock.now() });
    return bytes;
  }

  private removeStaleSocket(): void {
    const viewers = [...this.viewers];
    const leaves = viewers.find(({ behindSince }) => behindSince !== undefined) ?? viewers[0];
    if (!leaves) return;
    this.viewers.delete(leaves);
    leaves.response.destroy();
  }

  private send(viewer: Viewer, message: Buffer): void {
    const now = this.clock.now();
    const { response, behindSince } = viewer;
    if (behindSince === undefined) {
      if (!response.write(message)) viewer.behindSince = now;
    } else if (now - behindSince > MAX_BEHIND) {
      response.destroy();
    }
  }
}
