import type { RedisOptions } from 'ioredis';
import type { CheckResult } from '../health/check.js';
import { CheckFailure } from '../health/reason.js';
import { orAbort } from './abort.js';
import { redisFailure } from './redis-failure.js';
import { RedisSession } from './redis-session.js';
import { commandsFor, judge, type RedisDemands } from './redis-verdict.js';

/** Whether a server is well, found out on a connection of the check's own. */
export class RedisCheck {
  /** The connection that is kept between runs. */
  private standing: RedisSession | undefined;
  /** Every connection that has not been ended, for `close`. */
  private readonly open = new Set<RedisSession>();
  private closed = false;

  constructor(
    private readonly login: RedisOptions,
    private readonly demands: RedisDemands,
  ) {}

  /** @param connected called when a new connection can be used. */
  async run(signal: AbortSignal, connected?: () => void): Promise<CheckResult> {
    const kept = this.standing;
    if (kept && !kept.lost) {
      try {
        return await this.ask(kept, false, signal);
      } catch (error) {
        // The server may have been restarted, or have closed an idle connection, and be well.
        if (signal.aborted || (error as CheckFailure).reason !== 'reset') throw error;
      }
    }
    const { Redis } = await orAbort(import('ioredis'), signal);
    if (this.closed) throw new CheckFailure('internal', 'the check is closed');
    if (kept) this.open.delete(kept);
    const session = new RedisSession(Redis, this.login);
    this.standing = session;
    this.open.add(session);
    return this.ask(session, true, signal, connected);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.open].map((session) => this.drop(session)));
  }

  /** A session that did not answer well is not asked again. */
  private async ask(
    session: RedisSession,
    isNew: boolean,
    signal: AbortSignal,
    connected?: () => void,
  ): Promise<CheckResult> {
    try {
      if (isNew) {
        await orAbort(session.open(), signal);
        connected?.();
      }
      return judge(await orAbort(session.exchange(commandsFor(this.demands)), signal), this.demands);
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
