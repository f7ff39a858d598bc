import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { orAbort, withStepTimeout } from '../shared/deadline.js';
import { mysqlFailure } from './failure.js';
import type { MysqlSession } from './session.js';

/**
 * For MariaDB (all channels), for MySQL 8.0.22 and later, and for older servers. A server rejects an unknown statement
 * with a syntax error.
 */
const STATEMENTS = ['SHOW ALL SLAVES STATUS', 'SHOW REPLICA STATUS', 'SHOW SLAVE STATUS'] as const;
const ER_PARSE_ERROR = 1064;

type Channel = Readonly<Record<string, unknown>>;

interface PendingRequest {
  readonly session: MysqlSession;
  readonly answer: Promise<readonly Channel[]>;
  /** Whether the session was taken over and is used for nothing else. */
  isTakenOver: boolean;
}

/** Reads the lag of a replica behind its primary. */
export class ReplicaLag {
  /** The request whose answer is outstanding. */
  private pending: PendingRequest | undefined;
  /** The last known lag in milliseconds, and the monotonic time at which it was read. */
  private known: { readonly lag: number; readonly at: number } | undefined;
  private statement = 0;

  /** @param maxLag maximum lag in milliseconds. */
  constructor(
    private readonly maxLag: number,
    private readonly clock: Clock,
  ) {}

  /** Resolves with undefined if the server is not a replica. */
  async evaluate(session: MysqlSession, signal: AbortSignal, deadline: number): Promise<CheckResult | undefined> {
    const at = this.clock.now();
    let channels: readonly Channel[];
    try {
      channels = await this.ask(session, signal, deadline);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const failure = mysqlFailure(error);
      if (failure.reason === 'reset') throw failure;
      return { status: 'warn', reason: 'lag', output: `the lag could not be read: ${failure.message}` };
    }
    if (channels.length === 0) return undefined;
    const broken = channels.find((channel) => lagOf(channel) === undefined);
    if (broken) return this.unknown(broken);
    const lag = Math.max(...channels.map((channel) => lagOf(channel) as number));
    this.known = { lag: lag * 1000, at };
    const observed = { observedValue: { lag }, observedUnit: { lag: 's' } };
    if (lag * 1000 <= this.maxLag) return { status: 'pass', ...observed };
    const output = `${lag} s behind its primary, limit: ${this.maxLag / 1000} s`;
    return { status: 'fail', reason: 'lag', output, ...observed };
  }

  /**
   * Takes over a session with an outstanding answer, and ends the session after the answer. Returns false if no answer
   * is outstanding.
   */
  takeOver(session: MysqlSession): boolean {
    if (this.pending?.session !== session) return false;
    this.pending.isTakenOver = true;
    return true;
  }

  close(): void {
    this.pending?.session.destroy();
  }

  /**
   * STOP REPLICA may block the answer for a long time. The server does not notice that a client has disconnected, so
   * each new request would occupy another server thread. The next run therefore waits for the outstanding answer.
   */
  private async ask(session: MysqlSession, signal: AbortSignal, deadline: number): Promise<readonly Channel[]> {
    const { answer } = this.pending ?? this.begin(session);
    const timeoutError = (ms: number) => new CheckFailure('lag', `no answer within ${ms} ms`);
    return withStepTimeout(this.clock, deadline, signal, timeoutError, (stepSignal) => orAbort(answer, stepSignal));
  }

  private begin(session: MysqlSession): PendingRequest {
    const pending: PendingRequest = { session, answer: this.channels(session), isTakenOver: false };
    const settled = () => {
      this.pending = undefined;
      if (pending.isTakenOver) void session.end();
    };
    pending.answer.then(settled, settled);
    this.pending = pending;
    return pending;
  }

  private async channels(session: MysqlSession): Promise<readonly Channel[]> {
    for (;;) {
      try {
        return await session.records(STATEMENTS[this.statement] as string);
      } catch (error) {
        const isUnknown = (error as { errno?: unknown }).errno === ER_PARSE_ERROR;
        if (!isUnknown || this.statement === STATEMENTS.length - 1) throw error;
        this.statement++;
      }
    }
  }

  /** The lag is at most the last known lag plus the time since then. */
  private unknown(channel: Channel): CheckResult {
    const { lag, at } = this.known ?? { lag: Number.POSITIVE_INFINITY, at: 0 };
    const maximum = lag + this.clock.now() - at;
    const status = maximum <= this.maxLag ? 'warn' : 'fail';
    const bound = maximum === Number.POSITIVE_INFINITY ? 'unknown' : `at most ${Math.ceil(maximum / 1000)} s`;
    return { status, ...why(channel, bound) };
  }
}

function why(channel: Channel, lag: string): Pick<CheckResult, 'reason' | 'output'> {
  const [io, sql] = [running(channel, 'IO'), running(channel, 'SQL')];
  // Reports only error numbers, because the messages contain table data.
  const states = `IO thread: ${io}, error ${errorOf(channel, 'IO')}; SQL thread: ${sql}, error ${errorOf(channel, 'SQL')}`;
  if (sql !== 'Yes') return { reason: 'lag', output: `replication has stopped, the lag is ${lag} (${states})` };
  return { reason: 'master-down', output: `the replica has lost its primary, the lag is ${lag} (${states})` };
}

function lagOf(channel: Channel): number | undefined {
  const seconds = channel.Seconds_Behind_Source ?? channel.Seconds_Behind_Master ?? undefined;
  return seconds === undefined ? undefined : Number(seconds);
}

function running(channel: Channel, thread: 'IO' | 'SQL'): string {
  return String(channel[`Replica_${thread}_Running`] ?? channel[`Slave_${thread}_Running`]);
}

function errorOf(channel: Channel, thread: 'IO' | 'SQL'): string {
  return String(channel[`Last_${thread}_Errno`]);
}
