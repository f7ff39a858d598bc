import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { orAbort } from '../shared/deadline.js';
import { keptConnectionResult, Renewal } from '../shared/renewal.js';
import { ConnectionAttempts } from './connection-attempts.js';
import { importDriver } from './driver.js';
import { isHourlyLimit, isUserLimit, mysqlFailure } from './failure.js';
import { ReplicaLag } from './lag.js';
import { type MysqlLogin, MysqlSession } from './session.js';

/** Maximum age of a connection, in milliseconds, once the check has reached the user's hourly connection limit. */
const HOURLY_LIMIT_MAX_AGE_MS = 3_600_000;
/** Not COM_PING, because a server with a blocked SQL layer would still answer it. */
const QUERY = 'SELECT 1, @@global.read_only';

/** Requirements on a server beyond answering. */
export interface MysqlExpectations {
  /**
   * `primary`: the server must accept writes.
   * @default 'any'
   */
  readonly role?: 'any' | 'primary';
  /** Maximum replication lag, in milliseconds. Default: no limit. */
  readonly maxLag?: number;
}

/** Checks a server on a dedicated connection. */
export class MysqlCheck {
  private session: MysqlSession | undefined;
  private attempts: ConnectionAttempts<MysqlSession> | undefined;
  private readonly renewal = new Renewal();
  /** Set when the user has reached its connection limit: the session is then closed before the next one is opened. */
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

  /** Whether the server must meet requirements beyond answering. */
  get hasExpectations(): boolean {
    return this.expectations.role === 'primary' || this.lag !== undefined;
  }

  /**
   * @param deadline monotonic time in milliseconds at which the signal fires.
   * @param connected called when a new connection is ready; returns the new deadline.
   */
  async run(signal: AbortSignal, deadline: number, connected?: () => number): Promise<CheckResult> {
    const attempts = await orAbort(this.connectionAttempts(), signal);
    if (this.closed) throw new CheckFailure('internal', 'the check is closed');
    const waiting = attempts.take();
    if (waiting) this.settle(waiting);
    const isDue = this.renewal.isDue(this.clock.now());
    if (!this.session || this.session.lost || isDue) {
      return this.renew(attempts, signal, deadline, connected);
    }
    try {
      return await this.query(this.session, signal, deadline);
    } catch (error) {
      // The server may have restarted, or may have closed an idle connection.
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

  /** Closes the session. The next run opens another one. */
  async closeSession(): Promise<void> {
    await this.session?.end();
  }

  private async connectionAttempts(): Promise<ConnectionAttempts<MysqlSession>> {
    const driver = await importDriver();
    const { clock, login } = this;
    this.attempts ??= new ConnectionAttempts(
      () => new MysqlSession(driver, login, clock.now(), () => clock.now()),
      clock,
    );
    return this.attempts;
  }

  /** Queries on a new connection, which replaces the current one. */
  private async renew(
    attempts: ConnectionAttempts<MysqlSession>,
    signal: AbortSignal,
    deadline: number,
    connected?: () => number,
  ): Promise<CheckResult> {
    if (this.oneAtATime) await this.closeSession();
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
      if (isHourlyLimit(failure)) this.renewal.setMaxAge(HOURLY_LIMIT_MAX_AGE_MS);
      const answer = await this.query(this.session, signal, deadline);
      return isHourlyLimit(failure) ? answer : keptConnectionResult(answer, failure);
    }
    return this.query(this.session as MysqlSession, signal, connected?.() ?? deadline);
  }

  private settle(session: MysqlSession): void {
    if (session === this.session) return;
    void this.session?.end();
    this.session = session;
    this.renewal.connected(session.readyAt as number);
  }

  private async query(session: MysqlSession, signal: AbortSignal, deadline: number): Promise<CheckResult> {
    const readOnly = await this.readOnlyOf(session, signal);
    if (this.expectations.role === 'primary' && isOn(readOnly)) {
      return {
        status: 'fail',
        reason: 'read-only',
        output: 'read_only is on: the server is not a primary',
        observedValue: { readOnly: true },
      };
    }
    const result = await this.evaluateLag(session, signal, deadline);
    const observedValue = { readOnly: isOn(readOnly), ...(result?.observedValue as object | undefined) };
    return { status: 'pass', ...result, observedValue };
  }

  private async evaluateLag(
    session: MysqlSession,
    signal: AbortSignal,
    deadline: number,
  ): Promise<CheckResult | undefined> {
    try {
      return await this.lag?.evaluate(session, signal, deadline);
    } finally {
      // A session with an outstanding answer cannot be used for other queries.
      if (this.lag?.takeOver(session)) this.session = undefined;
    }
  }

  /** The value of `read_only`, as returned by the server. */
  private async readOnlyOf(session: MysqlSession, signal: AbortSignal): Promise<unknown> {
    try {
      const [one, readOnly] = await orAbort(session.query(QUERY), signal);
      if (one !== 1) throw new CheckFailure('protocol', `SELECT 1 returned ${String(one)}`);
      return readOnly;
    } catch (error) {
      session.destroy();
      if (signal.aborted) throw signal.reason;
      throw mysqlFailure(error);
    }
  }
}

/** MariaDB 12 returns `OFF` or the level. Other servers return 0 or 1. */
function isOn(readOnly: unknown): boolean {
  return readOnly !== 0 && readOnly !== 'OFF';
}

/** Adds the time until the next attempt to the message. `retryIn` is in milliseconds. */
function withRetryDelay(failure: CheckFailure, retryIn: number): CheckFailure {
  if (retryIn === 0) return failure;
  const when = `next attempt in ${Math.ceil(retryIn / 1000)} s, so that the server does not block this host`;
  return new CheckFailure(failure.reason, `${failure.message}; ${when}`, { status: failure.status });
}
