import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../common/clock.js';
import type { Turns } from '../turns.js';

/** Time between messages while no state changes. Ages and durations always change. */
const TICK_MS = 2000;
/** Delay after a change, so that simultaneous changes share one message. */
const BATCH_MS = 50;
/** Minimum time between messages, however often something changes. */
const MIN_INTERVAL_MS = 250;
/** Each viewer costs a socket and one unread message. */
export const MAX_VIEWERS = 100;
/** A viewer that has not read for this long is disconnected. */
const STALL_TIMEOUT_MS = 30_000;

interface Viewer {
  readonly response: ServerResponse;
  /** Whether it received detail when it connected. It is disconnected when it loses access. */
  readonly sawDetail: boolean;
  readonly seesDetail: () => boolean;
  /** Monotonic time since when its output is unread; undefined if all was read. */
  stalledSince: number | undefined;
  /** An update is queued; it will send the message that is current when it runs. */
  isQueued: boolean;
}

/**
 * The viewers of the page, updated by server-sent events. Each message is complete, so a slow reader skips messages and
 * gets the latest.
 */
export class Live {
  private readonly viewers = new Set<Viewer>();
  private hasEnded = false;
  private timer: Timer;
  private dueAt = Number.POSITIVE_INFINITY;
  private sentAt = Number.NEGATIVE_INFINITY;
  /** The latest message and its time, with and without detail. */
  private readonly latest = new Map<boolean, { bytes: Buffer; at: number }>();

  constructor(
    private readonly clock: Clock,
    /** Each write to a viewer is one job. */
    private readonly turns: Turns,
    /** The current message, on one line. */
    private readonly message: (detail: boolean) => string,
    private readonly maxViewers = () => MAX_VIEWERS,
  ) {}

  /**
   * Sends the first message in one of the next turns, and further ones until the viewer disconnects. The response headers
   * must have been written. At the limit a stalled viewer is disconnected, or else the oldest, whose page reconnects by
   * itself.
   */
  add(response: ServerResponse, seesDetail: () => boolean): void {
    if (response.destroyed) return;
    if (this.hasEnded) {
      response.end();
      return;
    }
    while (this.viewers.size >= this.maxViewers()) this.evict();
    const sawDetail = seesDetail();
    const viewer: Viewer = { response, sawDetail, seesDetail, stalledSince: undefined, isQueued: false };
    this.viewers.add(viewer);
    response.on('drain', () => {
      viewer.stalledSince = undefined;
    });
    response.on('error', () => {});
    response.on('close', () => {
      this.viewers.delete(viewer);
      if (this.viewers.size > 0) return;
      this.cancel();
      this.latest.clear();
    });
    this.queueUpdate(viewer);
    this.schedule(TICK_MS);
  }

  /** Schedules a message after a change. */
  changed(): void {
    if (this.viewers.size > 0) this.schedule(Math.max(BATCH_MS, this.sentAt + MIN_INTERVAL_MS - this.clock.now()));
  }

  /** Ends all responses, and each that is added later at once: otherwise a page that reconnects would delay the close of its server. */
  end(): void {
    this.hasEnded = true;
    for (const { response } of this.viewers) response.end();
  }

  private schedule(ms: number): void {
    const at = this.clock.now() + ms;
    if (at >= this.dueAt) return;
    this.clock.clear(this.timer);
    this.dueAt = at;
    this.timer = this.clock.after(ms, () => this.broadcast());
  }

  private cancel(): void {
    this.clock.clear(this.timer);
    this.dueAt = Number.POSITIVE_INFINITY;
  }

  private broadcast(): void {
    this.cancel();
    this.sentAt = this.clock.now();
    this.latest.clear();
    for (const viewer of this.viewers) this.queueUpdate(viewer);
    if (this.viewers.size > 0) this.schedule(TICK_MS);
  }

  private queueUpdate(viewer: Viewer): void {
    if (viewer.isQueued) return;
    viewer.isQueued = true;
    this.turns.run(() => this.update(viewer));
  }

  private update(viewer: Viewer): void {
    viewer.isQueued = false;
    if (!this.viewers.has(viewer) || viewer.response.writableEnded) return;
    const detail = viewer.seesDetail();
    if (viewer.sawDetail && !detail) viewer.response.end();
    else this.send(viewer, this.current(detail));
  }

  private current(detail: boolean): Buffer {
    const now = this.clock.now();
    const kept = this.latest.get(detail);
    if (kept && now - kept.at < MIN_INTERVAL_MS) return kept.bytes;
    const bytes = Buffer.from(`data: ${this.message(detail)}\n\n`);
    this.latest.set(detail, { bytes, at: now });
    return bytes;
  }

  private evict(): void {
    const viewers = [...this.viewers];
    const evicted = viewers.find(({ stalledSince }) => stalledSince !== undefined) ?? (viewers[0] as Viewer);
    this.viewers.delete(evicted);
    evicted.response.destroy();
  }

  private send(viewer: Viewer, message: Buffer): void {
    const now = this.clock.now();
    const { response, stalledSince } = viewer;
    if (stalledSince === undefined) {
      if (!response.write(message)) viewer.stalledSince = now;
    } else if (now - stalledSince > STALL_TIMEOUT_MS) {
      response.destroy();
    }
  }
}
