import type { Clock } from '../../common/clock.js';
import type { MysqlSession } from './session.js';

/** How long it takes from an unfinished or broken handshake to the next, and the most that this grows to. */
const FIRST_PATIENCE_MS = 30_000;
const MAX_PATIENCE_MS = 3_600_000;

/** What the entrance knows of a session. */
export type PendingSession = Pick<
  MysqlSession,
  'ready' | 'readyAt' | 'lost' | 'brokenOff' | 'openedAt' | 'connecting' | 'destroy'
>;

/**
 * The way to a new session. A server counts every handshake that its client
 * breaks off, and after 100 of them (`max_connect_errors`) it lets nobody of
 * this host in any more: checking would have made the outage worse. So one
 * that is not finished when a run must end is kept, and the next run waits for
 * the same one. Only after 30 s, and then each time after twice as long, is it
 * given up for another, in case the server has forgotten it. One that had to be
 * broken off (a certificate that is not trusted) fails every run for as long.
 */
export class ConnectionAttempts<Session extends PendingSession> {
  private knocking: Session | undefined;
  /** The session that was begun last, whether its login is done or has failed, and who waits for that. */
  private latest: Session | undefined;
  private over = false;
  private readonly waiting = new Set<() => void>();
  private patience = FIRST_PATIENCE_MS;

  constructor(
    private readonly open: () => Session,
    private readonly clock: Clock,
  ) {}

  /** A session whose login is done; rejects with what ended it, or with the reason of the abort. */
  async enter(signal: AbortSignal): Promise<Session> {
    const session = this.knock();
    try {
      await this.end(signal);
    } catch (error) {
      // Without a TCP connection there is nothing that could be broken off, and the next attempt sees sooner that the host is back.
      if (session.connecting) session.destroy();
      throw error;
    }
    await session.ready;
    this.take();
    return session;
  }

  /** The session whose login was finished while nobody waited, if there is one. It is the caller's from now on. */
  take(): Session | undefined {
    const { knocking } = this;
    if (knocking?.readyAt === undefined || knocking.lost) return undefined;
    this.knocking = undefined;
    this.patience = FIRST_PATIENCE_MS;
    return knocking;
  }

  /** How long no handshake is begun because the last was broken off, in milliseconds; 0: the next run may. */
  get pause(): number {
    const { knocking } = this;
    return knocking?.brokenOff ? Math.max(0, knocking.openedAt + this.patience - this.clock.now()) : 0;
  }

  close(): void {
    this.knocking?.destroy();
  }

  /** The session to wait for; that of a broken handshake says at once again why it was. */
  private knock(): Session {
    const last = this.knocking;
    if (last && (last.brokenOff || !last.lost)) {
      if (this.clock.now() - last.openedAt < this.patience) return last;
      last.destroy();
      this.patience = Math.min(this.patience * 2, MAX_PATIENCE_MS);
    } else {
      this.patience = FIRST_PATIENCE_MS;
    }
    const session = this.open();
    this.knocking = session;
    this.latest = session;
    this.over = false;
    const end = () => {
      // One that was given up has nobody left who waits.
      if (this.latest !== session) return;
      this.over = true;
      for (const told of [...this.waiting]) told();
    };
    session.ready.then(end, end);
    return session;
  }

  /** A promise remembers everyone who ever waited for it, and thousands of runs may wait for one handshake: so they stand in a list. */
  private end(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.waiting.delete(told);
        signal.removeEventListener('abort', aborted);
      };
      const told = () => {
        leave();
        resolve();
      };
      const aborted = () => {
        leave();
        reject(signal.reason);
      };
      if (signal.aborted) return aborted();
      if (this.over) return resolve();
      this.waiting.add(told);
      signal.addEventListener('abort', aborted);
    });
  }
}
