import type { RedisOptions } from 'ioredis';
import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure, type Reason } from '../../health/reason.js';
import { orAbort, withStepTimeout } from '../shared/deadline.js';
import { keptConnectionResult, Renewal } from '../shared/renewal.js';
import { explainFailure, openSession } from './connect.js';
import { type Driver, importDriver } from './driver.js';
import { evaluate, type RedisExpectations } from './evaluate.js';
import { redisFailure } from './failure.js';
import { locate } from './sentinel.js';
import { type Command, RedisSession } from './session.js';

/** Checks a server on a dedicated connection. */
export class RedisCheck {
  /** The connection that is kept between runs. */
  private session: RedisSession | undefined;
  private readonly renewal = new Renewal();
  /** All open connections, for `close`. */
  private readonly open = new Set<RedisSession>();
  private closed = false;
  private readonly expectations: RedisExpectations;

  constructor(
    private readonly login: RedisOptions,
    expectations: RedisExpectations,
    private readonly clock: Clock,
  ) {
    // The server must have the role that is requested from the Sentinels.
    const named = login.role === 'slave' ? 'replica' : 'primary';
    const isAny = expectations.role === undefined || expectations.role === 'any';
    this.expectations = login.sentinels && isAny ? { ...expectations, role: named } : expectations;
  }

  /**
   * @param deadline monotonic time in milliseconds at which the signal fires.
   * @param connected called when a new connection is ready.
   */
  async run(signal: AbortSignal, deadline: number, connected?: () => void): Promise<CheckResult> {
    const current = this.session;
    const isDue = this.renewal.isDue(this.clock.now());
    if (!current || current.lost || isDue) return this.renew(signal, deadline, connected);
    try {
      const result = await this.ask(current, signal);
      // After a failover, the Sentinels return another address.
      if (!this.login.sentinels || result.reason !== 'role') return result;
    } catch (error) {
      // The server may have restarted, or may have closed an idle connection.
      if (signal.aborted || (error as CheckFailure).reason !== 'reset') throw error;
    }
    return this.renew(signal, deadline, connected);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.open].map((session) => this.drop(session)));
  }

  /** Queries on a new connection, which replaces the current one. */
  private async renew(signal: AbortSignal, deadline: number, connected?: () => void): Promise<CheckResult> {
    const driver = await orAbort(importDriver(), signal);
    let login: RedisOptions;
    try {
      login = await this.locate(driver, signal, deadline);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return this.askKept(error as CheckFailure, signal);
    }
    try {
      const [session, result] = await this.begin(driver, login, signal, deadline, (made) => {
        connected?.();
        return evaluate((commands) => orAbort(made.exchange(commands), signal), this.expectations);
      });
      this.settle(session);
      return result;
    } catch (error) {
      const failure = error as CheckFailure;
      if (signal.aborted) throw failure;
      if (failure.reason === 'too-many-connections') return this.askKept(failure, signal);
      // A server at its connection limit closes the connection before TLS begins.
      if (failure.reason === 'reset' && login.tls) return this.askKept(failure, signal, 'too-many-connections');
      throw failure;
    }
  }

  /**
   * Queries the kept connection if no new one can be opened, because its result still applies to connected clients.
   * Warns with `reason`, or with the reason of the failure.
   */
  private async askKept(failure: CheckFailure, signal: AbortSignal, reason?: Reason): Promise<CheckResult> {
    const { session: current } = this;
    if (!current || current.lost) throw failure;
    return keptConnectionResult(await this.ask(current, signal), failure, reason);
  }

  /** The login with the address returned by the Sentinels, if there are any. */
  private async locate(driver: Driver, signal: AbortSignal, deadline: number): Promise<RedisOptions> {
    const { login, clock } = this;
    if (!login.sentinels) return login;
    const half = (clock.now() + deadline) / 2;
    const askOnce = async (sentinel: RedisOptions, command: Command, stepSignal: AbortSignal) => {
      const [session, reply] = await this.begin(driver, sentinel, stepSignal, half, async (made) => {
        const [only = [null]] = await orAbort(made.exchange([command]), stepSignal);
        return only;
      });
      await this.drop(session);
      return reply;
    };
    const timeoutError = (ms: number) => new CheckFailure('timeout', `no answer within ${ms} ms`);
    return withStepTimeout(clock, deadline, signal, timeoutError, (stepSignal) => locate(login, askOnce, stepSignal));
  }

  /** Runs `work` on a new connection. On failure, closes the connection and throws a CheckFailure with the cause. */
  private async begin<T>(
    driver: Driver,
    login: RedisOptions,
    signal: AbortSignal,
    deadline: number,
    work: (session: RedisSession) => Promise<T>,
  ): Promise<[RedisSession, T]> {
    if (this.closed) throw new CheckFailure('internal', 'the check is closed');
    const session = new RedisSession(driver, login);
    this.open.add(session);
    try {
      await openSession(session, signal, deadline, this.clock);
      return [session, await work(session)];
    } catch (error) {
      try {
        throw signal.aborted ? signal.reason : await explainFailure(error, session, signal, deadline, this.clock);
      } finally {
        await this.drop(session);
      }
    }
  }

  private settle(session: RedisSession): void {
    const { session: current } = this;
    this.session = session;
    this.renewal.connected(this.clock.now());
    if (current) void this.drop(current);
  }

  /** Queries a session. Closes the session on failure. */
  private async ask(session: RedisSession, signal: AbortSignal): Promise<CheckResult> {
    try {
      return await evaluate((commands) => orAbort(session.exchange(commands), signal), this.expectations);
    } catch (error) {
      await this.drop(session);
      if (signal.aborted) throw signal.reason;
      throw redisFailure(error);
    }
  }

  private async drop(session: RedisSession): Promise<void> {
    // Cleared before the session is closed, because the next run may start in the meantime.
    if (this.session === session) this.session = undefined;
    await session.end();
    this.open.delete(session);
  }
}
