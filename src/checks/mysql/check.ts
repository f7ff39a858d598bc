import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { orAbort } from '../shared/deadline.js';
import { ConnectionAttempts } from './connection-attempts.js';
import { isHourlyLimit, isUserLimit, mysqlFailure } from './failure.js';
import { ReplicaLag } from './lag.js';
import { type MysqlLogin, MysqlSession } from './session.js';

/** A new connection is made at least this often, because a session one does not see that newcomers are turned away. */
const RECONNECT_INTERVAL_MS = 10_000;
/** The same once the check's own connections have reached the user's limit per hour. */
const HOURLY_LIMIT_RECONNECT_INTERVAL_MS = 3_600_000;
/** A ping of the protocol would be answered by a server whose SQL layer is stuck. */
const QUERY = 'SELECT 1, @@global.read_only';

/** What is asked of a server besides an answer. */
export interface MysqlExpectations {
  /** `primary`: it must take writes. */
  readonly role?: 'any' | 'primary';
  /** How far behind its primary a replica may be, in milliseconds. */
  readonly maxLag?: number;
}

/** Whether a server is well, found out on a connection of the check's own. */
export class MysqlCheck {
  private session: MysqlSession | undefined;
  private attempts: ConnectionAttempts<MysqlSession> | undefined;
  /** Monotonic moments: when the session session was new, when the latest run began. */
  private connectedAt = Number.NEGATIVE_INFINITY;
  private lastRunAt = Number.NEGATIVE_INFINITY;
  private reconnectInterval = RECONNECT_INTERVAL_MS;
  /** The user may have no further connection: the session one is closed before the next is opened. */
  private oneAtATime = false;
  private closed = false;
  private readonly lag: ReplicaLag | undefined;

  constructor(
    private readonly login: MysqlLogin,
    private readonly expectations: MysqlExpectations,
    private readonly clock: Clock,
  ) {
    const { maxLag } = expectations;
    this.lag = maxLag === undefined ? undefined : new ReplicaLag(maxLag, clock);
  }

  /** Whether an answer alone is not enough. */
  get hasExpectations(): boolean {
    return this.expectations.role === 'primary' || this.lag !== undefined;
  }

  /**
   * @param deadline monotonic moment at which the signal will fire, in milliseconds.
   * @param connected called when a new connection can be used; returns the new deadline.
   */
  async run(signal: AbortSignal, deadline: number, connected?: () => number): Promise<CheckResult> {
    const attempts = await orAbort(this.connectionAttempts(), signal);
    if (this.closed) throw new CheckFailure('internal', 'the check is closed');
    const now = this.clock.now();
    const nextRun = now + (now - this.lastRunAt);
    this.lastRunAt = now;
    const waiting = attempts.take();
    if (waiting) this.settle(waiting);
    if (!this.session || this.session.lost || nextRun - this.connectedAt > this.reconnectInterval) {
      return this.renew(attempts, signal, deadline, connected);
    }
    try {
      return await this.query(this.session, signal, deadline);
    } catch (error) {
      // The server may have been restarted, or have closed an idle connection, and be well.
      if (signal.aborted || this.closed || !(error instanceof CheckFailure) || error.reason !== 'reset') throw error;
      return this.renew(attempts, signal, deadline, connected);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.attempts?.close();
    this.lag?.close();
    await this.session?.end();
  }

  /** Closes the session session; the next run opens another. */
  async release(): Promise<void> {
    await this.session?.end();
  }

  private async connectionAttempts(): Promise<ConnectionAttempts<MysqlSession>> {
    const { default: driver } = await import('mysql2');
    const { clock, login } = this;
    this.attempts ??= new ConnectionAttempts(
      () => new MysqlSession(driver, login, clock.now(), () => clock.now()),
      clock,
    );
    return this.attempts;
  }

  /** Asks on a new connection, which stays in place of the one that stood. */
  private async renew(
    attempts: ConnectionAttempts<MysqlSession>,
    signal: AbortSignal,
    deadline: number,
    connected?: () => number,
  ): Promise<CheckResult> {
    if (this.oneAtATime) await this.release();
    try {
      this.settle(await attempts.session(signal));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const failure = withRetryDelay(mysqlFailure(error), attempts.retryIn);
      if (failure.reason !== 'too-many-connections' || !this.session || this.session.lost) throw failure;
      if (isUserLimit(failure)) {
        this.oneAtATime = true;
        return this.renew(attempts, signal, deadline, connected);
      }
      if (isHourlyLimit(failure)) this.reconnectInterval = HOURLY_LIMIT_RECONNECT_INTERVAL_MS;
      const answer = await this.query(this.session, signal, deadline);
      if (answer.status === 'fail' || isHourlyLimit(failure)) return answer;
      return { ...answer, status: 'warn', reason: failure.reason, output: `${failure.message}; an older one answers` };
    }
    return this.query(this.session as MysqlSession, signal, connected?.() ?? deadline);
  }

  private settle(session: MysqlSession): void {
    if (session === this.session) return;
    void this.session?.end();
    this.session = session;
    this.connectedAt = session.readyAt as number;
  }

  private async query(session: MysqlSession, signal: AbortSignal, deadline: number): Promise<CheckResult> {
    const readOnly = await this.readOnlyOf(session, signal);
    if (this.expectations.role === 'primary' && isOn(readOnly)) {
      return {
        status: 'fail',
        reason: 'read-only',
        output: 'read_only is on: it is no primary',
        ...observed(readOnly),
      };
    }
    return (await this.evaluateLag(session, signal, deadline)) ?? { status: 'pass', ...observed(readOnly) };
  }

  private async evaluateLag(
    session: MysqlSession,
    signal: AbortSignal,
    deadline: number,
  ): Promise<CheckResult | undefined> {
    try {
      return await this.lag?.evaluate(session, signal, deadline);
    } finally {
      // Nothing else can be asked where an answer is still to come.
      if (this.lag?.takeOver(session)) this.session = undefined;
    }
  }

  /** Whether the server is read-only, in its own word. */
  private async readOnlyOf(session: MysqlSession, signal: AbortSignal): Promise<unknown> {
    try {
      const [one, readOnly] = await orAbort(session.query(QUERY), signal);
      if (one !== 1) throw new CheckFailure('protocol', `SELECT 1 gave ${String(one)}`);
      return readOnly;
    } catch (error) {
      session.destroy();
      if (signal.aborted) throw signal.reason;
      throw mysqlFailure(error);
    }
  }
}

function observed(readOnly: unknown): Pick<CheckResult, 'observedValue' | 'observedUnit'> {
  return { observedValue: readOnly, observedUnit: 'read_only' };
}

/** MariaDB 12 says `OFF` or how far it is on, the others 0 or 1. */
function isOn(readOnly: unknown): boolean {
  return readOnly !== 0 && readOnly !== 'OFF';
}

/** The failure, which also says for how long (in ms) it will not be tried whether it still holds. */
function withRetryDelay(failure: CheckFailure, retryIn: number): CheckFailure {
  if (retryIn === 0) return failure;
  const when = `tried again in ${Math.ceil(retryIn / 1000)} s, lest the server block this host`;
  return new CheckFailure(failure.reason, `${failure.message}; ${when}`, { status: failure.status });
}
