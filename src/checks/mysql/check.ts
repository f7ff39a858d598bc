import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { orAbort } from '../shared/abort.js';
import { ConnectionAttempts } from './connection-attempts.js';
import { isHourlyLimit, isUserLimit, mysqlFailure } from './failure.js';
import { ReplicaLag } from './lag.js';
import { type MysqlLogin, MysqlSession } from './session.js';

/** A new connection is made at least this often, because a standing one does not see that newcomers are turned away. */
const FRESH_EVERY_MS = 10_000;
/** The same once the check's own connections have reached the user's limit per hour. */
const RARELY_FRESH_EVERY_MS = 3_600_000;
/** A ping of the protocol would be answered by a server whose SQL layer is stuck. */
const QUESTION = 'SELECT 1, @@global.read_only';

/** What is asked of a server besides an answer. */
export interface MysqlExpectations {
  /** `primary`: it must take writes. */
  readonly role?: 'any' | 'primary';
  /** How far behind its primary a replica may be, in milliseconds. */
  readonly maxLag?: number;
}

/** Whether a server is well, found out on a connection of the check's own. */
export class MysqlCheck {
  private standing: MysqlSession | undefined;
  private entrance: ConnectionAttempts<MysqlSession> | undefined;
  /** Monotonic moments: when the standing session was new, when the latest run began. */
  private freshAt = Number.NEGATIVE_INFINITY;
  private lastRunAt = Number.NEGATIVE_INFINITY;
  private freshEvery = FRESH_EVERY_MS;
  /** The user may have no further connection: the standing one is closed before the next is opened. */
  private oneAtATime = false;
  private closed = false;
  private readonly lag: ReplicaLag | undefined;

  constructor(
    private readonly login: MysqlLogin,
    private readonly demands: MysqlExpectations,
    private readonly clock: Clock,
  ) {
    const { maxLag } = demands;
    this.lag = maxLag === undefined ? undefined : new ReplicaLag(maxLag, clock);
  }

  /** Whether an answer alone is not enough. */
  get isDemanding(): boolean {
    return this.demands.role === 'primary' || this.lag !== undefined;
  }

  /**
   * @param deadline monotonic moment at which the signal will fire, in milliseconds.
   * @param connected called when a new connection can be used; returns the new deadline.
   */
  async run(signal: AbortSignal, deadline: number, connected?: () => number): Promise<CheckResult> {
    const entrance = await orAbort(this.way(), signal);
    if (this.closed) throw new CheckFailure('internal', 'the check is closed');
    const now = this.clock.now();
    const nextRun = now + (now - this.lastRunAt);
    this.lastRunAt = now;
    const waiting = entrance.take();
    if (waiting) this.settle(waiting);
    if (!this.standing || this.standing.lost || nextRun - this.freshAt > this.freshEvery) {
      return this.renew(entrance, signal, deadline, connected);
    }
    try {
      return await this.ask(this.standing, signal, deadline);
    } catch (error) {
      // The server may have been restarted, or have closed an idle connection, and be well.
      if (signal.aborted || this.closed || !(error instanceof CheckFailure) || error.reason !== 'reset') throw error;
      return this.renew(entrance, signal, deadline, connected);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.entrance?.close();
    this.lag?.close();
    await this.standing?.leave();
  }

  /** Closes the standing session; the next run opens another. */
  async release(): Promise<void> {
    await this.standing?.leave();
  }

  private async way(): Promise<ConnectionAttempts<MysqlSession>> {
    const { default: driver } = await import('mysql2');
    const { clock, login } = this;
    this.entrance ??= new ConnectionAttempts(
      () => new MysqlSession(driver, login, clock.now(), () => clock.now()),
      clock,
    );
    return this.entrance;
  }

  /** Asks on a new connection, which stays in place of the one that stood. */
  private async renew(
    entrance: ConnectionAttempts<MysqlSession>,
    signal: AbortSignal,
    deadline: number,
    connected?: () => number,
  ): Promise<CheckResult> {
    if (this.oneAtATime) await this.release();
    try {
      this.settle(await entrance.enter(signal));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const failure = heldBack(mysqlFailure(error), entrance.pause);
      if (failure.reason !== 'too-many-connections' || !this.standing || this.standing.lost) throw failure;
      if (isUserLimit(failure)) {
        this.oneAtATime = true;
        return this.renew(entrance, signal, deadline, connected);
      }
      if (isHourlyLimit(failure)) this.freshEvery = RARELY_FRESH_EVERY_MS;
      const answer = await this.ask(this.standing, signal, deadline);
      if (answer.status === 'fail' || isHourlyLimit(failure)) return answer;
      return { ...answer, status: 'warn', reason: failure.reason, output: `${failure.message}; an older one answers` };
    }
    return this.ask(this.standing as MysqlSession, signal, connected?.() ?? deadline);
  }

  private settle(session: MysqlSession): void {
    if (session === this.standing) return;
    void this.standing?.leave();
    this.standing = session;
    this.freshAt = session.readyAt as number;
  }

  private async ask(session: MysqlSession, signal: AbortSignal, deadline: number): Promise<CheckResult> {
    const readOnly = await this.question(session, signal);
    if (this.demands.role === 'primary' && isOn(readOnly)) {
      return { status: 'fail', reason: 'read-only', output: 'read_only is on: it is no primary', ...seen(readOnly) };
    }
    return (await this.evaluateLag(session, signal, deadline)) ?? { status: 'pass', ...seen(readOnly) };
  }

  private async evaluateLag(
    session: MysqlSession,
    signal: AbortSignal,
    deadline: number,
  ): Promise<CheckResult | undefined> {
    try {
      return await this.lag?.judge(session, signal, deadline);
    } finally {
      // Nothing else can be asked where an answer is still to come.
      if (this.lag?.keep(session)) this.standing = undefined;
    }
  }

  /** Whether the server is read-only, in its own word. */
  private async question(session: MysqlSession, signal: AbortSignal): Promise<unknown> {
    try {
      const [one, readOnly] = await orAbort(session.query(QUESTION), signal);
      if (one !== 1) throw new CheckFailure('protocol', `SELECT 1 gave ${String(one)}`);
      return readOnly;
    } catch (error) {
      session.destroy();
      if (signal.aborted) throw signal.reason;
      throw mysqlFailure(error);
    }
  }
}

function seen(readOnly: unknown): Pick<CheckResult, 'observedValue' | 'observedUnit'> {
  return { observedValue: readOnly, observedUnit: 'read_only' };
}

/** MariaDB 12 says `OFF` or how far it is on, the others 0 or 1. */
function isOn(readOnly: unknown): boolean {
  return readOnly !== 0 && readOnly !== 'OFF';
}

/** The failure, which also says for how long (in ms) it will not be tried whether it still holds. */
function heldBack(failure: CheckFailure, pause: number): CheckFailure {
  if (pause === 0) return failure;
  const when = `tried again in ${Math.ceil(pause / 1000)} s, lest the server block this host`;
  return new CheckFailure(failure.reason, `${failure.message}; ${when}`, { status: failure.status });
}
