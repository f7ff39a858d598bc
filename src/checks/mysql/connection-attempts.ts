import type { Clock } from '../../common/clock.js';
import type { MysqlSession } from './session.js';

/** Delay in milliseconds before the handshake that follows an unfinished or aborted one, and its maximum. */
const FIRST_RETRY_MS = 30_000;
const MAX_RETRY_MS = 3_600_000;

/** The members of a session used here. */
export type PendingSession = Pick<
  MysqlSession,
  'ready' | 'readyAt' | 'lost' | 'brokenOff' | 'openedAt' | 'connecting' | 'destroy'
>;

/**
 * Opens sessions with as few handshakes as possible. A server counts every handshake that its client aborts, and blocks
 * the host after 100 of them (`max_connect_errors`), so that checking would worsen an outage. A handshake that is
 * unfinished at the end of a run is therefore kept, and the next run waits for it. The handshake is replaced only after
 * 30 s, in case the server has lost it. That delay doubles each time. After a handshake that the check had to abort
 * because of an untrusted certificate, every run fails until the same delay has passed.
 */
export class ConnectionAttempts<Session extends PendingSession> {
  private pending: Session | undefined;
  /** The most recent session, whether its login has settled, and the callbacks waiting for it. */
  private latest: Session | undefined;
  private isSettled = false;
  private readonly waiters = new Set<() => void>();
  private retryDelay = FIRST_RETRY_MS;

  constructor(
    private readonly open: () => Session,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves with a session that is logged in. Rejects with the error that ended it, or with the reason of the abort.
   */
  async session(signal: AbortSignal): Promise<Session> {
    const session = this.connect();
    try {
      await this.settled(signal);
    } catch (error) {
      // Without a TCP connection there is no handshake to abort, and a new attempt detects sooner that the host is
      // back.
      if (session.connecting) session.destroy();
      throw error;
    }
    await session.ready;
    this.take();
    return session;
  }

  /** Returns the session whose login finished between runs, if any, and releases it. */
  take(): Session | undefined {
    const { pending } = this;
    if (pending?.readyAt === undefined || pending.lost) return undefined;
    this.pending = undefined;
    this.retryDelay = FIRST_RETRY_MS;
    return pending;
  }

  /** Time in milliseconds until the next handshake after an aborted one; 0 if the next run may start one. */
  get retryIn(): number {
    const { pending } = this;
    return pending?.brokenOff ? Math.max(0, pending.openedAt + this.retryDelay - this.clock.now()) : 0;
  }

  close(): void {
    this.pending?.destroy();
  }

  /** The session to wait for. After an aborted handshake, it rejects with the same error again. */
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
      // Nothing waits for a session that was replaced.
      if (this.latest !== session) return;
      this.isSettled = true;
      for (const settle of [...this.waiters]) settle();
    };
    session.ready.then(end, end);
    return session;
  }

  /**
   * Waiters are kept in a set, because a promise retains every reaction ever attached and thousands of runs may wait
   * for one handshake.
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
