import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';

/**
 * Columns for `ReplicaLag`: whether WAL is being received, whether all received WAL has been replayed, and the age of
 * the last replayed transaction in milliseconds. Reading them requires no privilege.
 */
export const LAG_COLUMNS =
  'EXISTS (SELECT FROM pg_stat_wal_receiver), pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000';

/** Evaluates the replication lag of a replica. */
export class ReplicaLag {
  /** The last known lag in milliseconds, and the monotonic time at which it was read. */
  private known: { readonly lag: number; readonly at: number } | undefined;

  /** @param maxLag maximum lag in milliseconds. */
  constructor(
    private readonly maxLag: number,
    private readonly clock: Clock,
  ) {}

  /** @param columns values of `LAG_COLUMNS`. */
  evaluate([isReceiving, isReplayed, age]: readonly (string | null | undefined)[]): CheckResult {
    // While the primary writes nothing, the age of its last transaction grows without any lag.
    const lag = isReceiving === 't' && isReplayed === 't' ? 0 : Math.max(0, Number(age ?? Number.POSITIVE_INFINITY));
    if (isReceiving !== 't') return this.withoutPrimary(lag);
    this.known = { lag, at: this.clock.now() };
    const observed = { observedValue: { lag: seconds(lag) }, observedUnit: { lag: 's' } };
    if (lag <= this.maxLag) return { status: 'pass', ...observed };
    const bound = lag === Number.POSITIVE_INFINITY ? 'further' : `${seconds(lag)} s`;
    const output = `${bound} behind its primary, limit: ${seconds(this.maxLag)} s`;
    return { status: 'fail', reason: 'lag', output, ...(lag !== Number.POSITIVE_INFINITY && observed) };
  }

  /** The lag is at most the age of the last transaction, and at most the last known lag plus the time since then. */
  private withoutPrimary(age: number): CheckResult {
    const { lag, at } = this.known ?? { lag: Number.POSITIVE_INFINITY, at: 0 };
    const maximum = Math.min(age, lag + this.clock.now() - at);
    const status = maximum <= this.maxLag ? 'warn' : 'fail';
    const bound = maximum === Number.POSITIVE_INFINITY ? 'unknown' : `at most ${Math.ceil(maximum / 1000)} s`;
    return { status, reason: 'master-down', output: `the replica receives no WAL, the lag is ${bound}` };
  }
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
