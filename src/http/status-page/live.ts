import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../common/clock.js';
import type { Turns } from '../turns.js';
import { PartRevisions, type Parts } from './parts.js';

/** Interval between messages in milliseconds while no state changes, because ages and durations always change. */
const TICK_MS = 2000;
/** Delay after a change, so that simultaneous changes share one message. */
const BATCH_MS = 50;
/** Minimum interval between messages, no matter how often something changes. */
const MIN_INTERVAL_MS = 250;
/** Maximum number of viewers. Each viewer costs a socket and one unread message. */
export const MAX_VIEWERS = 100;
/** Time after which a viewer that does not read is disconnected. */
const STALL_TIMEOUT_MS = 30_000;

/** One viewer. Viewers with the same content share one page, and thus one message. */
interface Viewer {
  readonly response: ServerResponse;
  readonly view: string;
  /** Whether the viewer received detail when it connected. It is disconnected when it loses access. */
  readonly sawDetail: boolean;
  readonly seesDetail: () => boolean;
  /** Monotonic time since which its output is unread; undefined if everything has been read. */
  stalledSince: number | undefined;
  /** Whether an update is queued. The update sends the message that is current when it runs. */
  isQueued: boolean;
  /** The page that the viewer last received, and its revision. */
  page: Page | undefined;
  revision: number;
}

/** The parts of the page in one view. */
interface Page {
  readonly parts: PartRevisions;
  renderedAt: number;
}

/**
 * Updates the viewers of the page with server-sent events. Each message contains all parts that changed since the
 * previous message to that viewer, so a slow reader skips messages and receives the latest.
 */
export class Live {
  private readonly viewers = new Set<Viewer>();
  private hasEnded = false;
  private timer: Timer;
  private dueAt = Number.POSITIVE_INFINITY;
  private sentAt = Number.NEGATIVE_INFINITY;
  /** By view and by whether detail is shown. */
  private readonly pages = new Map<string, Page>();

  constructor(
    private readonly clock: Clock,
    /** Runs each write to a viewer as one job. */
    private readonly turns: Turns,
    /** Renders the page for a view, with or without detail. */
    private readonly render: (view: string, detail: boolean) => Parts,
    private readonly maxViewers = () => MAX_VIEWERS,
    /** Called if `render` throws; the viewer is disconnected. */
    private readonly onError: (error: unknown) => void = () => {},
  ) {}

  /**
   * Sends the first message in one of the next turns, and further messages until the viewer disconnects. The response
   * headers must have been written. At the limit, a stalled viewer is disconnected, or else the oldest one, whose page
   * reconnects automatically.
   *
   * @param view passed to `render`. The number of different values must be limited.
   */
  add(response: ServerResponse, seesDetail: () => boolean, view = ''): void {
    if (response.destroyed) return;
    if (this.hasEnded) {
      response.end();
      return;
    }
    while (this.viewers.size >= this.maxViewers()) this.evict();
    const sawDetail = seesDetail();
    const viewer: Viewer = {
      response,
      view,
      sawDetail,
      seesDetail,
      stalledSince: undefined,
      isQueued: false,
      page: undefined,
      revision: 0,
    };
    this.viewers.add(viewer);
    response.on('drain', () => {
      viewer.stalledSince = undefined;
    });
    response.on('error', () => {});
    response.on('close', () => {
      this.viewers.delete(viewer);
      this.removeUnusedPages();
      if (this.viewers.size === 0) this.cancel();
    });
    this.queueUpdate(viewer);
    this.schedule(TICK_MS);
  }

  /** Schedules a message because something changed. */
  changed(): void {
    if (this.viewers.size > 0) this.schedule(Math.max(BATCH_MS, this.sentAt + MIN_INTERVAL_MS - this.clock.now()));
  }

  /**
   * Ends all responses. Responses added later end immediately, because a page that reconnects would otherwise delay the
   * close of its server.
   */
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
    for (const page of this.pages.values()) page.renderedAt = Number.NEGATIVE_INFINITY;
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
    if (viewer.sawDetail && !detail) return void viewer.response.end();
    try {
      this.send(viewer, this.current(viewer.view, detail));
    } catch (error) {
      viewer.response.destroy();
      this.onError(error);
    }
  }

  private current(view: string, detail: boolean): Page {
    const now = this.clock.now();
    const key = `${detail} ${view}`;
    const page = this.pages.get(key) ?? { parts: new PartRevisions(), renderedAt: Number.NEGATIVE_INFINITY };
    this.pages.set(key, page);
    if (now - page.renderedAt >= MIN_INTERVAL_MS) {
      page.parts.update(this.render(view, detail), this.clock.wall());
      page.renderedAt = now;
    }
    return page;
  }

  private removeUnusedPages(): void {
    const used = new Set([...this.viewers].map(({ page }) => page));
    for (const [key, page] of this.pages) if (!used.has(page)) this.pages.delete(key);
  }

  private evict(): void {
    const viewers = [...this.viewers];
    const evicted = viewers.find(({ stalledSince }) => stalledSince !== undefined) ?? (viewers[0] as Viewer);
    this.viewers.delete(evicted);
    evicted.response.destroy();
  }

  private send(viewer: Viewer, page: Page): void {
    const now = this.clock.now();
    const { response, stalledSince } = viewer;
    if (stalledSince === undefined) {
      const { parts } = page;
      // A viewer that has just gained access to details moves to a different page, so it needs every part again.
      const message = parts.since(viewer.page === page ? viewer.revision : 0);
      viewer.page = page;
      viewer.revision = parts.revision;
      if (!response.write(message)) viewer.stalledSince = now;
    } else if (now - stalledSince > STALL_TIMEOUT_MS) {
      response.destroy();
    }
  }
}
