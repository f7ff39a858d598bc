import type { Selection, Subscription } from '../../health/health.js';
import { WatchFlag } from '../../wire/codes.js';
import type { SessionHost } from '../connection/session.js';
import type { Pushing } from './push-queue.js';

interface Watch {
  readonly idHigh: number;
  readonly idLow: number;
  readonly detail: boolean;
  readonly watched: Subscription;
}

/**
 * The watches of one connection (SPEC "WATCH and STATUS"). A change only marks a watch as due. Its STATUS is encoded
 * with the current state when the peer has read what was sent before, so a slow peer costs no memory and receives the
 * latest state.
 */
export class Watches implements Pushing {
  private readonly open = new Map<string, Watch>();
  private readonly due = new Set<Watch>();
  private isBlocked = false;

  constructor(
    private readonly connection: SessionHost,
    private readonly send: (frame: readonly Buffer[]) => void,
  ) {}

  get size(): number {
    return this.open.size;
  }

  has(idHigh: number, idLow: number): boolean {
    return this.open.has(keyOf(idHigh, idLow));
  }

  /**
   * Starts a watch, replacing any watch with the same id, and sends its first STATUS.
   * @returns false if `limits.maxWatchedSelections` is reached. There is then no watch with this id.
   */
  start(idHigh: number, idLow: number, flags: number, selection: Selection): boolean {
    const { responder, stats, settings } = this.connection.shared;
    this.cancel(idHigh, idLow);
    const { maxWatchedSelections } = settings.limits;
    const watched = responder.health.watch(selection, () => this.onChange(watch), maxWatchedSelections);
    if (watched === undefined) return false;
    const detail = (flags & WatchFlag.DETAIL) !== 0;
    const watch: Watch = { idHigh, idLow, detail, watched };
    this.open.set(keyOf(idHigh, idLow), watch);
    stats.watches++;
    this.sendStatus(watch);
    return true;
  }

  cancel(idHigh: number, idLow: number): void {
    const watch = this.open.get(keyOf(idHigh, idLow));
    if (watch) this.end(watch);
  }

  /** Ends all watches. No STATUS follows. */
  endAll(): void {
    for (const watch of this.open.values()) this.end(watch);
    this.connection.shared.pushes.delete(this);
  }

  push(max: number): number {
    let sent = 0;
    if (this.isBlocked) return sent;
    for (const watch of this.due) {
      if (sent === max) break;
      if (!this.connection.mayPush) {
        this.waitForPeer();
        break;
      }
      this.sendStatus(watch);
      sent++;
    }
    return sent;
  }

  /** Sends due STATUS frames while less than `maxQueuedBytes` is queued. Returns false if some remain. */
  flushUpdates(): boolean {
    const { connection } = this;
    const { maxQueuedBytes } = connection.shared.settings.limits;
    // Notifications of the latest changes may still be scheduled.
    for (const { watched } of this.open.values()) watched.notifyIfChanged();
    for (const watch of this.due) {
      if (connection.queued > maxQueuedBytes) return false;
      this.sendStatus(watch);
    }
    return true;
  }

  private end(watch: Watch): void {
    this.open.delete(keyOf(watch.idHigh, watch.idLow));
    this.due.delete(watch);
    this.connection.shared.stats.watches--;
    watch.watched.end();
  }

  private onChange(watch: Watch): void {
    this.due.add(watch);
    this.connection.shared.pushes.add(this);
  }

  private sendStatus(watch: Watch): void {
    const { connection } = this;
    const { responder, stats } = connection.shared;
    const { idHigh, idLow, detail } = watch;
    const { answer } = watch.watched;
    this.due.delete(watch);
    stats.statuses[answer.state]++;
    this.send(responder.status(answer, [idHigh, idLow], detail && connection.mayDetail));
  }

  private waitForPeer(): void {
    this.isBlocked = true;
    this.connection.whenSent(() => {
      this.isBlocked = false;
      this.connection.shared.pushes.add(this);
    });
  }
}

/** A string, because a number cannot represent all 64 bits of the id. */
function keyOf(idHigh: number, idLow: number): string {
  return `${idHigh | 0} ${idLow | 0}`;
}
