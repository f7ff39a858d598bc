import type { Clock } from '../../common/clock.js';
import type { MysqlSession } from './session.js';

/** Delay after an unfinished or broken handshake before the next, and its maximum, in milliseconds. */
const FIRST_RETRY_MS = 30_000;
const MAX_RETRY_MS = 3_600_000;

/** The parts of a session used here. */
export type PendingSession = Pick<
  MysqlSession,
  'ready' | 'readyAt' | 'lost' | 'brokenOff' | 'openedAt' | 'connecting' | 'destroy'
>;

/**
 * Opens sessions with as few handshakes as possible. A server counts every handshake that its client aborts; after
 * 100 of them (`max_connect_errors`) it blocks the host, so that checking would make an outage worse. A handshake that
 * is unfinished at the end of a run is therefore kept, and the next run waits for it. Only after 30 s, doubled each
 * time, is it replaced, in case the server has lost it. After a handshake that the check had to abort (an untrusted
 * certificate), every run fails for the same time.
 */
export class ConnectionAttempts<Session extends PendingSession> {
  private pending: Session | undefined;
  /** The last session opened, whether its login has settled, and the callbacks that wait for it. */
  private latest: Session | undefined;
  private isSettled = false;
  private readonly waiters = new Set<() => void>();
  private retryDelay = FIRST_RETRY_MS;

  constructor(
    private readonly open: () => Session,
    private readonly clock: Clock,
  ) {}

  /** Resolves with a session that is logged in; rejects with the error that ended it, or the reason of the abort. */
  async session(signal: AbortSignal): Promise<Session> {
    const session = this.connect();
    try {
      await this.settled(signal);
    } catch (error) {
      // Without a TCP connection there is no handshake to break off, and a new attempt notices sooner that the host is
      // back.
      if (session.connecting) session.destroy();
      throw error;
    }
    await session.ready;
    this.take();
    return session;
  }

  /** Hands over the session whose login finished between runs, if there is one. */
  take(): Session | undefined {
    const { pending } = this;
    if (pending?.readyAt === undefined || pending.lost) return undefined;
    this.pending = undefined;
    this.retryDelay = FIRST_RETRY_MS;
    return pending;
  }

  /** Time until the next handshake after a broken one, in milliseconds; 0 if the next run may start one. */
  get retryIn(): number {
    const { pending } = this;
    return pending?.brokenOff ? Math.max(0, pending.openedAt + this.retryDelay - this.clock.now()) : 0;
  }

  close(): void {
    this.pending?.destroy();
  }

  /** The session to wait for. After a broken handshake it rejects again with the same error. */
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
      // Nothing waits for a replaced session.
      if (this.latest !== session) return;
      this.isSettled = true;
      for (const settle of [...this.waiters]) settle();
    };
    session.ready.then(end, end);
    return session;
  }

  /**
   * A promise keeps every reaction ever attached, and thousands of runs may wait for one handshake: they wait in a set
   * instead.
   */
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
