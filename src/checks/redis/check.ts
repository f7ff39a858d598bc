import type { RedisOptions } from 'ioredis';
import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure, type Reason } from '../../health/reason.js';
import { orAbort, withStepTimeout } from '../shared/deadline.js';
import { explainFailure, openSession } from './connect.js';
import { evaluate, type RedisExpectations } from './evaluate.js';
import { redisFailure } from './failure.js';
import { locate } from './sentinel.js';
import { type Command, type Driver, RedisSession } from './session.js';

/**
 * A new connection is made at least this often, because a kept one sees neither that newcomers are turned away nor
 * that the name has another address. Up to a quarter earlier, so that the checks of many processes do not do it at once.
 */
const RECONNECT_INTERVAL_MS = 10_000;
const JITTER = 1 / 4;

/** Whether a server is well, found out on a connection of the check's own. */
export class RedisCheck {
  /** The connection that is kept between runs. */
  private session: RedisSession | undefined;
  /** Monotonic moments: when another is to take its place, when the latest run began. */
  private renewAt = Number.NEGATIVE_INFINITY;
  private lastRunAt = Number.NEGATIVE_INFINITY;
  /** Every connection that has not been ended, for `close`. */
  private readonly open = new Set<RedisSession>();
  private closed = false;
  private readonly expectations: RedisExpectations;

  constructor(
    private readonly login: RedisOptions,
    expectations: RedisExpectations,
    private readonly clock: Clock,
  ) {
    // What Sentinels are asked for is what has to be there.
    const named = login.role === 'slave' ? 'replica' : 'primary';
    const isAny = expectations.role === undefined || expectations.role === 'any';
    this.expectations = login.sentinels && isAny ? { ...expectations, role: named } : expectations;
  }

  /**
   * @param deadline monotonic moment at which the signal will fire, in milliseconds.
   * @param connected called when a new connection can be used.
   */
  async run(signal: AbortSignal, deadline: number, connected?: () => void): Promise<CheckResult> {
    const now = this.clock.now();
    const nextRun = now + (now - this.lastRunAt);
    this.lastRunAt = now;
    const kept = this.session;
    if (!kept || kept.lost || nextRun > this.renewAt) return this.renew(signal, deadline, connected);
    try {
      const result = await this.ask(kept, signal);
      // After a failover the Sentinels know another.
      if (!this.login.sentinels || result.reason !== 'role') return result;
    } catch (error) {
      // The server may have been restarted, or have closed an idle connection, and be well.
      if (signal.aborted || (error as CheckFailure).reason !== 'reset') throw error;
    }
    return this.renew(signal, deadline, connected);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.open].map((session) => this.drop(session)));
  }

  /** Asks on a new connection, which stays in place of the one that stood. */
  private async renew(signal: AbortSignal, deadline: number, connected?: () => void): Promise<CheckResult> {
    const { Redis } = await orAbort(import('ioredis'), signal);
    let login: RedisOptions;
    try {
      login = await this.locate(Redis, signal, deadline);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return this.askKept(error as CheckFailure, signal);
    }
    try {
      const [session, result] = await this.begin(Redis, login, signal, deadline, (made) => {
        connected?.();
        return evaluate((commands) => orAbort(made.exchange(commands), signal), this.expectations);
      });
      this.settle(session);
      return result;
    } catch (error) {
      const failure = error as CheckFailure;
      if (signal.aborted) throw failure;
      if (failure.reason === 'too-many-connections') return this.askKept(failure, signal);
      // A server that is full cannot say so before TLS begins: it hangs up.
      if (failure.reason === 'reset' && login.tls) return this.askKept(failure, signal, 'too-many-connections');
      throw failure;
    }
  }

  /**
   * Where no other connection can be had: what the kept one says still holds for those that have one. It warns, with
   * the reason of the failure where none is given.
   */
  private async askKept(failure: CheckFailure, signal: AbortSignal, reason?: Reason): Promise<CheckResult> {
    const { session: kept } = this;
    if (!kept || kept.lost) throw failure;
    const result = await this.ask(kept, signal);
    if (result.status === 'fail') return result;
    const output = `${failure.message}; an older connection answers`;
    return { ...result, status: 'warn', reason: reason ?? failure.reason, output };
  }

  /** The login with the address that the Sentinels give, where there are any. */
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

  /** Does `work` on a new connection. Where that fails it is ended, and the CheckFailure says why. */
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
    const { session: kept } = this;
    this.session = session;
    this.renewAt = this.clock.now() + RECONNECT_INTERVAL_MS * (1 - Math.random() * JITTER);
    if (kept) void this.drop(kept);
  }

  /** A session that did not answer well is not asked again. */
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
    // Before it has ended: the next run may start meanwhile.
    if (this.session === session) this.session = undefined;
    await session.end();
    this.open.delete(session);
  }
}
