import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { orAbort } from '../shared/deadline.js';
import { keptConnectionResult, Renewal } from '../shared/renewal.js';
import type { PgClientClass } from './driver.js';
import { LAG_COLUMNS, ReplicaLag } from './lag.js';
import { PostgresSession } from './session.js';

/** Requirements on a server beyond answering. */
export interface PostgresExpectations {
  /**
   * SQL to run in a transaction. It must succeed.
   * @default 'SELECT 1'
   */
  readonly query?: string;
  /**
   * `primary`: the server must accept writes and must not be in recovery. `replica`: it must be in recovery.
   * @default 'any'
   */
  readonly role?: 'any' | 'primary' | 'replica';
  /** Maximum replication lag, in milliseconds. Default: no limit. */
  readonly maxLag?: number;
}

/** Checks a server on a dedicated connection. */
export class PostgresCheck {
  /** The connection that is kept between runs. */
  private session: PostgresSession | undefined;
  private readonly renewal = new Renewal();
  /** All open connections, for `close`. */
  private readonly open = new Set<PostgresSession>();
  private closed = false;
  private readonly lag: ReplicaLag | undefined;

  /**
   * @param driver loads the driver and returns its client class.
   * @param config connection options for the driver.
   */
  constructor(
    private readonly driver: () => Promise<PgClientClass>,
    private readonly config: Readonly<Record<string, unknown>>,
    private readonly expectations: PostgresExpectations,
    private readonly clock: Clock,
  ) {
    const { maxLag } = expectations;
    this.lag = maxLag === undefined ? undefined : new ReplicaLag(maxLag, clock);
  }

  /**
   * @param deadline monotonic time in milliseconds at which the signal fires.
   * @param connected called when a new connection is ready; returns the new deadline.
   */
  async run(signal: AbortSignal, deadline: number, connected?: () => number): Promise<CheckResult> {
    const current = this.session;
    const isDue = this.renewal.isDue(this.clock.now());
    if (!current || current.lost || isDue) return this.renew(signal, deadline, connected);
    try {
      return await this.ask(current, signal, deadline);
    } catch (error) {
      // The server may have restarted, or may have closed an idle connection.
      if (signal.aborted || (error as CheckFailure).reason !== 'reset') throw error;
      return this.renew(signal, deadline, connected);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.open].map((session) => this.drop(session)));
  }

  /** Queries on a new connection, which replaces the current one. */
  private async renew(signal: AbortSignal, deadline: number, connected?: () => number): Promise<CheckResult> {
    let session: PostgresSession;
    try {
      session = await this.connect(signal);
    } catch (error) {
      const { session: current } = this;
      const isFull = error instanceof CheckFailure && error.reason === 'too-many-connections';
      if (signal.aborted || !isFull || !current || current.lost) throw error;
      return keptConnectionResult(await this.ask(current, signal, deadline), error);
    }
    const { session: previous } = this;
    this.session = session;
    this.renewal.connected(this.clock.now());
    if (previous) void this.drop(previous);
    return this.ask(session, signal, connected?.() ?? deadline);
  }

  private async connect(signal: AbortSignal): Promise<PostgresSession> {
    const Client = await orAbort(this.driver(), signal);
    if (this.closed) throw new CheckFailure('internal', 'the check is closed');
    const session = new PostgresSession(Client, this.config);
    this.open.add(session);
    try {
      await orAbort(session.open(), signal);
      return session;
    } catch (error) {
      session.destroy();
      this.open.delete(session);
      throw error;
    }
  }

  /** Queries a session. Closes the session on failure. */
  private async ask(session: PostgresSession, signal: AbortSignal, deadline: number): Promise<CheckResult> {
    const { query = 'SELECT 1' } = this.expectations;
    const columns = `pg_is_in_recovery(), current_setting('transaction_read_only')${this.lag ? `, ${LAG_COLUMNS}` : ''}`;
    // A server does not notice that a client has disconnected. Without this timeout, each run could leave a query
    // running.
    const limit = Math.max(1, Math.ceil(deadline - this.clock.now()));
    const statements = [`SET LOCAL statement_timeout = ${limit}`, `SELECT ${columns}`, query];
    try {
      const results = await orAbort(session.query(statements), signal);
      const row = results[1]?.rows[0];
      if (!row) throw new CheckFailure('protocol', 'the answer has no row');
      return this.evaluate(row);
    } catch (error) {
      // A session that only rejected a statement could be kept, but a new session is cheap and has no leftover state.
      session.destroy();
      this.open.delete(session);
      if (signal.aborted) throw signal.reason;
      throw error;
    }
  }

  private evaluate([inRecovery, readOnly, ...lag]: readonly (string | null)[]): CheckResult {
    const role = inRecovery === 't' ? 'replica' : 'primary';
    const { role: required = 'any' } = this.expectations;
    const observed = { observedValue: { role } };
    if (required !== 'any' && role !== required) {
      return { status: 'fail', reason: 'role', output: `the server is a ${role}, not a ${required}`, ...observed };
    }
    if (required === 'primary' && readOnly === 'on') {
      return { status: 'fail', reason: 'read-only', output: 'default_transaction_read_only is on', ...observed };
    }
    const result = role === 'replica' ? this.lag?.evaluate(lag) : undefined;
    return { status: 'pass', ...result, observedValue: { role, ...(result?.observedValue as object | undefined) } };
  }

  private async drop(session: PostgresSession): Promise<void> {
    // Cleared before the session is closed, because the next run may start in the meantime.
    if (this.session === session) this.session = undefined;
    await session.end();
    this.open.delete(session);
  }
}
