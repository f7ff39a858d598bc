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
 * The watches of one connection (SPEC "WATCH and STATUS"). A change only marks
 * a watch as due: its STATUS is made when the peer has taken what was sent
 * before, of what is true then, so that one that reads slowly costs no memory
 * and gets the latest.
 */
export class Watches implements Pushing {
  private readonly open = new Map<string, Watch>();
  private readonly due = new Set<Watch>();
  private awaitsPeer = false;

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
   * Replaces a watch with the same id, and sends the first STATUS at once.
   * @returns false, and no watch has this id, where `limits.maxWatchedSelections` is reached.
   */
  start(idHigh: number, idLow: number, flags: number, selection: Selection): boolean {
    const { responder, stats, settings } = this.connection.shared;
    this.cancel(idHigh, idLow);
    const { maxWatchedSelections } = settings.limits;
    const watched = responder.health.watch(selection, () => this.changed(watch), maxWatchedSelections);
    if (watched === undefined) return false;
    const detail = (flags & WatchFlag.DETAIL) !== 0;
    const watch: Watch = { idHigh, idLow, detail, watched };
    this.open.set(keyOf(idHigh, idLow), watch);
    stats.watches++;
    this.tell(watch);
    return true;
  }

  cancel(idHigh: number, idLow: number): void {
    const watch = this.open.get(keyOf(idHigh, idLow));
    if (watch) this.end(watch);
  }

  /** No STATUS follows. */
  endAll(): void {
    for (const watch of this.open.values()) this.end(watch);
    this.connection.shared.pushes.delete(this);
  }

  push(most: number): number {
    let sent = 0;
    if (this.awaitsPeer) return sent;
    for (const watch of this.due) {
      if (sent === most) break;
      if (!this.connection.mayPush) {
        this.awaitPeer();
        break;
      }
      this.tell(watch);
      sent++;
    }
    return sent;
  }

  /** The server takes its leave: tells what is due, as far as output may wait for the peer. False: there is more. */
  flushUpdates(): boolean {
    const { connection } = this;
    const { maxQueuedBytes } = connection.shared.settings.limits;
    // The health may not have notified this connection of the latest change yet.
    for (const { watched } of this.open.values()) watched.notifyIfChanged();
    for (const watch of this.due) {
      if (connection.queued > maxQueuedBytes) return false;
      this.tell(watch);
    }
    return true;
  }

  private end(watch: Watch): void {
    this.open.delete(keyOf(watch.idHigh, watch.idLow));
    this.due.delete(watch);
    this.connection.shared.stats.watches--;
    watch.watched.end();
  }

  private changed(watch: Watch): void {
    this.due.add(watch);
    this.connection.shared.pushes.add(this);
  }

  private tell(watch: Watch): void {
    const { connection } = this;
    const { responder, stats } = connection.shared;
    const { idHigh, idLow, detail } = watch;
    const { answer } = watch.watched;
    this.due.delete(watch);
    stats.statuses[answer.state]++;
    this.send(responder.status(answer, [idHigh, idLow], detail && connection.mayDetail));
  }

  private awaitPeer(): void {
    this.awaitsPeer = true;
    this.connection.whenTaken(() => {
      this.awaitsPeer = false;
      this.connection.shared.pushes.add(this);
    });
  }
}

/** As text, because a number would lose digits of the id. */
function keyOf(idHigh: number, idLow: number): string {
  return `${idHigh | 0} ${idLow | 0}`;
}
