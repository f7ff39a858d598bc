import type { RedisOptions as Login } from 'ioredis';
import type { CheckDefinition, CheckResult, CheckSettings } from '../health/check.js';
import { CheckFailure } from '../health/reason.js';
import { orAbort } from './abort.js';
import { partOptions, refusal } from './options.js';
import { redisFailure } from './redis-failure.js';
import { RedisSession } from './redis-session.js';
import { secretsOfUrl } from './secrets.js';
import { readTls, type TlsOptions } from './tls.js';
import { hostOf, loginOf, readUrl } from './url.js';

const KIND = 'redis';

export interface RedisOptions extends CheckSettings {
  /** `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS; port 6379, database 0. */
  url: string;
  /** Turns TLS on, and says how. */
  tls?: TlsOptions;
}

/**
 * Redis: one PING a run on a dedicated connection. The observed value is the
 * role, `primary` or `replica`, where the server tells it.
 *
 * @throws PongcheckError `PONGCHECK_CHECK` for options that make no sense.
 */
export function redis(given: RedisOptions): CheckDefinition {
  const { settings, options } = partOptions<RedisOptions>(KIND, given);
  const url = readUrl(KIND, options.url, ['redis', 'rediss']);
  const check = new RedisCheck(loginTo(url, options.tls));
  return {
    ...settings,
    kind: KIND,
    componentType: 'datastore',
    run: (signal) => check.run(signal),
    close: () => check.close(),
    secrets: secretsOfUrl(url),
  };
}

function loginTo(url: URL, tls: TlsOptions | undefined): Login {
  const { user, password } = loginOf(url);
  const [, database] = /^\/?(\d{1,5})?$/.exec(url.pathname) ?? [undefined, ''];
  if (database === '') throw refusal(KIND, 'url', 'one whose database is no number', 'a path such as /0, or none');
  return {
    host: hostOf(url),
    port: Number(url.port || 6379),
    db: Number(database ?? 0),
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...((tls || url.protocol === 'rediss:') && { tls: readTls(KIND, tls ?? {}) }),
  };
}

class RedisCheck {
  /** The connection that is kept between runs. */
  private standing: RedisSession | undefined;
  /** Every connection that has not been ended, for `close`. */
  private readonly open = new Set<RedisSession>();
  private closed = false;

  constructor(private readonly login: Login) {}

  async run(signal: AbortSignal): Promise<CheckResult> {
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
    return this.ask(session, true, signal);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.open].map((session) => this.drop(session)));
  }

  /** A session that did not answer well is not asked again. */
  private async ask(session: RedisSession, isNew: boolean, signal: AbortSignal): Promise<CheckResult> {
    try {
      if (isNew) await orAbort(session.open(), signal);
      const { pong, role } = await orAbort(session.ping(), signal);
      if (pong !== 'PONG') throw new CheckFailure('protocol', 'the answer to PING is not PONG');
      return { status: 'pass', ...observed(role) };
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

const roles: Readonly<Record<string, string>> = { master: 'primary', slave: 'replica', sentinel: 'sentinel' };

function observed(role: string | undefined): Pick<CheckResult, 'observedValue' | 'observedUnit'> {
  const observedValue = role === undefined ? undefined : roles[role];
  return observedValue === undefined ? {} : { observedValue, observedUnit: 'role' };
}
