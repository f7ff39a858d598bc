import { isIP } from 'node:net';
import { type Clock, systemClock } from '../clock.js';
import type { CheckDefinition, CheckResult, CheckSettings } from '../health/check.js';
import { CheckFailure } from '../health/reason.js';
import { orAbort } from './abort.js';
import { Entrance } from './mysql-entrance.js';
import { mysqlFailure } from './mysql-failure.js';
import { type MysqlLogin, MysqlSession } from './mysql-session.js';
import { partOptions, refusal } from './options.js';
import { secretsOfUrl } from './secrets.js';
import { readTls, type TlsOptions } from './tls.js';
import { hostOf, loginOf, readUrl } from './url.js';

export interface MysqlOptions extends CheckSettings {
  /** `mysql://USER:PASSWORD@HOST:PORT/DATABASE` or `mariadb://`; port 3306, `?ssl=true` for TLS. */
  url: string;
  /** Turns TLS on, and says how. */
  tls?: TlsOptions;
}

/** A new connection is made at least this often, because a standing one does not see that newcomers are turned away. */
const FRESH_EVERY_MS = 10_000;
/** A ping of the protocol would be answered by a server whose SQL layer is stuck. */
const QUESTION = 'SELECT 1, @@global.read_only';

/**
 * MySQL or MariaDB: one query a run on a dedicated connection, and a new
 * connection at least every 10 s. Where the server has none left for a
 * newcomer it warns as long as the standing one still answers. The observed
 * value is the server's `read_only`.
 *
 * @param clock where time comes from; for tests.
 * @throws PongcheckError `PONGCHECK_CHECK` for options that make no sense.
 */
export function mysql(options: MysqlOptions, clock: Clock = systemClock): CheckDefinition {
  const { settings, options: own } = partOptions<MysqlOptions>('mysql', options);
  const url = readUrl('mysql', own.url, ['mysql', 'mariadb'], ['ssl']);
  const check = new MysqlCheck(loginTo(url, own.tls), clock);
  return {
    ...settings,
    kind: 'mysql',
    componentType: 'datastore',
    run: (signal) => check.run(signal),
    close: () => check.close(),
    secrets: secretsOfUrl(url),
  };
}

function loginTo(url: URL, tls: TlsOptions | undefined): MysqlLogin {
  const host = hostOf(url);
  const database = decodeURIComponent(url.pathname.slice(1));
  const asked = url.searchParams.get('ssl');
  if (asked !== null && asked !== 'true' && asked !== 'false') {
    throw refusal(
      'mysql',
      'url',
      'one with an unknown value of the parameter ssl',
      '?ssl=true, ?ssl=false or the option tls',
    );
  }
  const material = tls || asked === 'true' ? readTls('mysql', tls ?? {}) : undefined;
  const servername = material?.servername ?? host;
  if (material?.rejectUnauthorized && isIP(servername)) {
    throw refusal(
      'mysql',
      'tls.servername',
      'missing, and the host is an address',
      'the name in the server’s certificate, or tls.verify false',
    );
  }
  return {
    ...loginOf(url),
    host,
    port: Number(url.port || 3306),
    database: database || undefined,
    servername,
    ssl: material && { ...material, verifyIdentity: material.rejectUnauthorized },
  };
}

class MysqlCheck {
  private standing: MysqlSession | undefined;
  private entrance: Entrance<MysqlSession> | undefined;
  /** Monotonic moments: when the standing session was new, when the latest run began. */
  private freshAt = Number.NEGATIVE_INFINITY;
  private lastRunAt = Number.NEGATIVE_INFINITY;
  private closed = false;

  constructor(
    private readonly login: MysqlLogin,
    private readonly clock: Clock,
  ) {}

  async run(signal: AbortSignal): Promise<CheckResult> {
    const entrance = await orAbort(this.way(), signal);
    if (this.closed) throw new CheckFailure('internal', 'the check is closed');
    const now = this.clock.now();
    const nextRun = now + (now - this.lastRunAt);
    this.lastRunAt = now;
    const waiting = entrance.take();
    if (waiting) this.settle(waiting);
    if (!this.standing || this.standing.lost || nextRun - this.freshAt > FRESH_EVERY_MS) {
      return this.renew(entrance, signal);
    }
    try {
      return await this.ask(this.standing, signal);
    } catch (error) {
      // The server may have been restarted, or have closed an idle connection, and be well.
      if (signal.aborted || this.closed || !(error instanceof CheckFailure) || error.reason !== 'reset') throw error;
      return this.renew(entrance, signal);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.entrance?.close();
    await this.standing?.leave();
  }

  private async way(): Promise<Entrance<MysqlSession>> {
    const { default: driver } = await import('mysql2');
    const { clock, login } = this;
    this.entrance ??= new Entrance(() => new MysqlSession(driver, login, clock.now(), () => clock.now()), clock);
    return this.entrance;
  }

  /** Asks on a new connection, which stays in place of the one that stood. */
  private async renew(entrance: Entrance<MysqlSession>, signal: AbortSignal): Promise<CheckResult> {
    try {
      this.settle(await entrance.enter(signal));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const failure = heldBack(mysqlFailure(error), entrance.pause);
      if (failure.reason !== 'too-many-connections' || !this.standing || this.standing.lost) throw failure;
      const answer = await this.ask(this.standing, signal);
      return { ...answer, status: 'warn', reason: failure.reason, output: `${failure.message}; an older one answers` };
    }
    return this.ask(this.standing as MysqlSession, signal);
  }

  private settle(session: MysqlSession): void {
    if (session === this.standing) return;
    void this.standing?.leave();
    this.standing = session;
    this.freshAt = session.readyAt as number;
  }

  private async ask(session: MysqlSession, signal: AbortSignal): Promise<CheckResult> {
    try {
      const [one, readOnly] = await orAbort(session.query(QUESTION), signal);
      if (one !== 1) throw new CheckFailure('protocol', `SELECT 1 gave ${String(one)}`);
      return { status: 'pass', observedValue: readOnly, observedUnit: 'read_only' };
    } catch (error) {
      session.destroy();
      if (signal.aborted) throw signal.reason;
      throw mysqlFailure(error);
    }
  }
}

/** The failure, which also says for how long (in ms) it will not be tried whether it still holds. */
function heldBack(failure: CheckFailure, pause: number): CheckFailure {
  if (pause === 0) return failure;
  const when = `tried again in ${Math.ceil(pause / 1000)} s, lest the server block this host`;
  return new CheckFailure(failure.reason, `${failure.message}; ${when}`);
}
