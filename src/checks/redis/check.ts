import type { RedisOptions } from 'ioredis';
import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure, type Reason } from '../../health/reason.js';
import { orAbort } from '../shared/abort.js';
import { withStepTimeout } from '../shared/step-timeout.js';
import { enter, explain } from './connect.js';
import { examine, type RedisDemands } from './evaluate.js';
import { redisFailure } from './failure.js';
import { locate } from './sentinel.js';
import { type Command, type Driver, RedisSession } from './session.js';

/**
 * A new connection is made at least this often, because a standing one sees neither that newcomers are turned away nor
 * that the name has another address. Up to a quarter earlier, so that the checks of many processes do not do it at once.
 */
const FRESH_EVERY_MS = 10_000;
const EARLIER = 1 / 4;

/** Whether a server is well, found out on a connection of the check's own. */
export class RedisCheck {
  /** The connection that is kept between runs. */
  private standing: RedisSession | undefined;
  /** Monotonic moments: when another is to take its place, when the latest run began. */
  private renewAt = Number.NEGATIVE_INFINITY;
  private lastRunAt = Number.NEGATIVE_INFINITY;
  /** Every connection that has not been ended, for `close`. */
  private readonly open = new Set<RedisSession>();
  private closed = false;
  private readonly demands: RedisDemands;

  constructor(
    private readonly login: RedisOptions,
    demands: RedisDemands,
    private readonly clock: Clock,
  ) {
    // What Sentinels are asked for is what has to be there.
    const named = login.role === 'slave' ? 'replica' : 'primary';
    const isAny = demands.role === undefined || demands.role === 'any';
    this.demands = login.sentinels && isAny ? { ...demands, role: named } : demands;
  }

  /**
   * @param deadline monotonic moment at which the signal will fire, in milliseconds.
   * @param connected called when a new connection can be used.
   */
  async run(signal: AbortSignal, deadline: number, connected?: () => void): Promise<CheckResult> {
    const now = this.clock.now();
    const nextRun = now + (now - this.lastRunAt);
    this.lastRunAt = now;
    const kept = this.standing;
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
      return this.askStanding(error as CheckFailure, signal);
    }
    try {
      const [session, result] = await this.begin(Redis, login, signal, deadline, (made) => {
        connected?.();
        return examine((commands) => orAbort(made.exchange(commands), signal), this.demands);
      });
      this.settle(session);
      return result;
    } catch (error) {
      const failure = error as CheckFailure;
      if (signal.aborted) throw failure;
      if (failure.reason === 'too-many-connections') return this.askStanding(failure, signal);
      // A server that is full cannot say so before TLS begins: it hangs up.
      if (failure.reason === 'reset' && login.tls) return this.askStanding(failure, signal, 'too-many-connections');
      throw failure;
    }
  }

  /**
   * Where no other connection can be had: what the standing one says still holds for those that have one. It warns, with
   * the reason of the failure where none is given.
   */
  private async askStanding(failure: CheckFailure, signal: AbortSignal, reason?: Reason): Promise<CheckResult> {
    const { standing } = this;
    if (!standing || standing.lost) throw failure;
    const result = await this.ask(standing, signal);
    if (result.status === 'fail') return result;
    const output = `${failure.message}; an older connection answers`;
    return { ...result, status: 'warn', reason: reason ?? failure.reason, output };
  }

  /** The login with the address that the Sentinels give, where there are any. */
  private async locate(driver: Driver, signal: AbortSignal, deadline: number): Promise<RedisOptions> {
    const { login, clock } = this;
    if (!login.sentinels) return login;
    const half = (clock.now() + deadline) / 2;
    const askOnce = async (sentinel: RedisOptions, command: Command, bound: AbortSignal) => {
      const [session, reply] = await this.begin(driver, sentinel, bound, half, async (made) => {
        const [only = [null]] = await orAbort(made.exchange([command]), bound);
        return only;
      });
      await this.drop(session);
      return reply;
    };
    const over = (ms: number) => new CheckFailure('timeout', `no answer within ${ms} ms`);
    return withStepTimeout(clock, deadline, signal, over, (bound) => locate(login, askOnce, bound));
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
      await enter(session, signal, deadline, this.clock);
      return [session, await work(session)];
    } catch (error) {
      try {
        throw signal.aborted ? signal.reason : await explain(error, session, signal, deadline, this.clock);
      } finally {
        await this.drop(session);
      }
    }
  }

  private settle(session: RedisSession): void {
    const { standing } = this;
    this.standing = session;
    this.renewAt = this.clock.now() + FRESH_EVERY_MS * (1 - Math.random() * EARLIER);
    if (standing) void this.drop(standing);
  }

  /** A session that did not answer well is not asked again. */
  private async ask(session: RedisSession, signal: AbortSignal): Promise<CheckResult> {
    try {
      return await examine((commands) => orAbort(session.exchange(commands), signal), this.demands);
    } catch (error) {
      await this.drop(session);
      if (signal.aborted) throw signal.reason;
      throw redisFailure(error);
    }
  }

  private async drop(session: RedisSession): Promise<void> {
    // Before it has ended: the next run may start meanwhile.
    if (this.standing === session) this.standing = undefined;
    await session.end();
    this.open.delete(session);
  }
}
