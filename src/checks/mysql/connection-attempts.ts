import type { Clock } from '../../common/clock.js';
import type { MysqlSession } from './session.js';

/** How long it takes from an unfinished or broken handshake to the next, and the most that this grows to. */
const FIRST_RETRY_MS = 30_000;
const MAX_RETRY_MS = 3_600_000;

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
  private pending: Session | undefined;
  /** The session that was begun last, whether its login is done or has failed, and who waits for that. */
  private latest: Session | undefined;
  private isSettled = false;
  private readonly waiters = new Set<() => void>();
  private retryDelay = FIRST_RETRY_MS;

  constructor(
    private readonly open: () => Session,
    private readonly clock: Clock,
  ) {}

  /** A session whose login is done; rejects with what ended it, or with the reason of the abort. */
  async session(signal: AbortSignal): Promise<Session> {
    const session = this.connect();
    try {
      await this.settled(signal);
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
    const { pending } = this;
    if (pending?.readyAt === undefined || pending.lost) return undefined;
    this.pending = undefined;
    this.retryDelay = FIRST_RETRY_MS;
    return pending;
  }

  /** How long no handshake is begun because the last was broken off, in milliseconds; 0: the next run may. */
  get retryIn(): number {
    const { pending } = this;
    return pending?.brokenOff ? Math.max(0, pending.openedAt + this.retryDelay - this.clock.now()) : 0;
  }

  close(): void {
    this.pending?.destroy();
  }

  /** The session to wait for; that of a broken handshake says at once again why it was. */
  private connect(): Session {
    const last = this.pending;
    if (last && (last.brokenOff || !last.lost)) {
      if (this.clock.now() - last.openedAt < this.retryDelay) return last;
      last.destroy();
      this.retryDelay = Math.min(this.retryDelay * 2, MAX_RETRY_MS);
    } else {
      this.retryDelay = FIRST_RETRY_MS;
    }
    const session = this.open();
    this.pending = session;
    this.latest = session;
    this.isSettled = false;
    const end = () => {
      // One that was given up has nobody left who waits.
      if (this.latest !== session) return;
      this.isSettled = true;
      for (const settle of [...this.waiters]) settle();
    };
    session.ready.then(end, end);
    return session;
  }

  /** A promise remembers everyone who ever waited for it, and thousands of runs may wait for one handshake: so they stand in a list. */
  private settled(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cleanUp = () => {
        this.waiters.delete(settle);
        signal.removeEventListener('abort', aborted);
      };
      const settle = () => {
        cleanUp();
        resolve();
      };
      const aborted = () => {
        cleanUp();
        reject(signal.reason);
      };
      if (signal.aborted) return aborted();
      if (this.isSettled) return resolve();
      this.waiters.add(settle);
      signal.addEventListener('abort', aborted);
    });
  }
}
