import type { Answer, Query, Watched } from '../health/health.js';
import { WatchFlag } from '../wire/codes.js';
import type { Connection } from './connection.js';

interface Watch {
  readonly idHigh: number;
  readonly idLow: number;
  readonly detail: boolean;
  watched: Watched | undefined;
}

/**
 * The watches of one connection. A change only marks a watch as due: its
 * STATUS is made when the peer has taken what was sent before, of what is true
 * then, so that one that reads slowly costs no memory and gets the latest.
 */
export class Watches {
  private readonly open = new Map<string, Watch>();
  private readonly due = new Set<Watch>();
  private isPlanned = false;

  constructor(private readonly connection: Connection) {}

  get size(): number {
    return this.open.size;
  }

  has(idHigh: number, idLow: number): boolean {
    return this.open.has(keyOf(idHigh, idLow));
  }

  /** Takes the place of one with the same id. */
  start(idHigh: number, idLow: number, flags: number, selection: Omit<Query, 'timeout' | 'hops'>): void {
    const { responder, stats } = this.connection.shared;
    this.cancel(idHigh, idLow);
    const watch: Watch = { idHigh, idLow, detail: (flags & WatchFlag.DETAIL) !== 0, watched: undefined };
    watch.watched = responder.health.watch(selection, () => this.changed(watch));
    this.open.set(keyOf(idHigh, idLow), watch);
    stats.watches++;
    this.due.add(watch);
    this.pump();
  }

  cancel(idHigh: number, idLow: number): void {
    const watch = this.open.get(keyOf(idHigh, idLow));
    if (watch) this.end(watch);
  }

  /** No STATUS follows. */
  endAll(): void {
    for (const watch of this.open.values()) this.end(watch);
  }

  private end(watch: Watch): void {
    this.open.delete(keyOf(watch.idHigh, watch.idLow));
    this.due.delete(watch);
    this.connection.shared.stats.watches--;
    watch.watched?.end();
  }

  private changed(watch: Watch): void {
    this.due.add(watch);
    if (this.isPlanned) return;
    this.isPlanned = true;
    // What changes in one go is told in one go.
    queueMicrotask(() => this.resume());
  }

  private resume(): void {
    this.isPlanned = false;
    this.pump();
  }

  private pump(): void {
    if (this.isPlanned) return;
    for (const watch of this.due) {
      if (!this.connection.mayPush) {
        this.isPlanned = true;
        return this.connection.whenTaken(() => this.resume());
      }
      this.due.delete(watch);
      this.send(watch, (watch.watched as Watched).answer);
    }
  }

  private send({ idHigh, idLow, detail }: Watch, answer: Answer): void {
    const { connection } = this;
    const { responder, stats } = connection.shared;
    stats.statuses[answer.state]++;
    connection.push(responder.status(answer, [idHigh, idLow], detail && connection.mayDetail));
  }
}

function keyOf(idHigh: number, idLow: number): string {
  return `${idHigh | 0} ${idLow | 0}`;
}
