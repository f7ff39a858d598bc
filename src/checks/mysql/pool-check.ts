import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { withStepTimeout } from '../shared/deadline.js';
import type { MysqlCheck } from './check.js';
import { isUserLimit, mysqlFailure } from './failure.js';
import { type CorePool, PoolProbe } from './pool.js';

/** The driver's words for a pool that gives none, which have no code. */
const NO_CONNECTION = /^(?:Queue limit reached|No connections available|Pool is closed)\./;

/**
 * Whether a server is well, and then whether the application's pool is: the
 * pool is not touched while its server does not answer, because every
 * connection that it would begin, and break off, is counted by the server.
 */
export class MysqlPoolCheck {
  private readonly probe: PoolProbe;

  constructor(
    private readonly dedicated: MysqlCheck,
    pool: CorePool,
    private readonly clock: Clock,
  ) {
    this.probe = new PoolProbe(pool);
  }

  async run(signal: AbortSignal, deadline: number, connected?: () => number): Promise<CheckResult> {
    let until = deadline;
    const server = await this.checkServer(signal, deadline, () => (until = connected?.() ?? until));
    if (server.status === 'fail') return server;
    try {
      await this.pingPool(signal, until);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return this.withCounts(poolFailure(error));
    }
    return this.withCounts(server);
  }

  close(): Promise<void> {
    return this.dedicated.close();
  }

  private async checkServer(signal: AbortSignal, deadline: number, connected: () => number): Promise<CheckResult> {
    try {
      return await this.dedicated.run(signal, deadline, connected);
    } catch (error) {
      // A server that is full may serve the connections that the pool has.
      if (!(error instanceof CheckFailure) || error.reason !== 'too-many-connections') throw error;
      // The pool has reached its own limit: only the check's connection is missing.
      if (isUserLimit(error) && this.probe.isAtLimit && !this.dedicated.hasExpectations) return { status: 'pass' };
      return { status: 'warn', reason: error.reason, output: `${error.message}; one of the pool answers` };
    }
  }

  /** Where the user may have no further connection, closes that of the check for the pool. */
  private async pingPool(signal: AbortSignal, deadline: number): Promise<void> {
    try {
      await this.tryPing(signal, deadline);
    } catch (error) {
      if (signal.aborted || !isUserLimit(mysqlFailure(error))) throw error;
      await this.dedicated.release();
      await this.tryPing(signal, deadline);
    }
  }

  private async tryPing(signal: AbortSignal, deadline: number): Promise<void> {
    const exhausted = (ms: number) =>
      new CheckFailure('pool-exhausted', `${this.probe.state} within ${ms} ms, and the server is well`);
    await withStepTimeout(this.clock, deadline, signal, exhausted, async (stepSignal) => {
      try {
        await this.probe.ping(stepSignal);
      } catch (error) {
        // The server may have closed an idle connection, and the pool not have seen it.
        if (stepSignal.aborted || mysqlFailure(error).reason !== 'reset') throw error;
        await this.probe.ping(stepSignal);
      }
    });
  }

  private withCounts(result: CheckResult): CheckResult {
    return { ...result, observedValue: this.probe.counts, observedUnit: 'connections' };
  }
}

function poolFailure(error: unknown): CheckResult {
  const { message } = error as Error;
  if (NO_CONNECTION.test(message)) return { status: 'fail', reason: 'pool-exhausted', output: message };
  const { status, reason, message: output } = mysqlFailure(error);
  return { status, reason, output };
}
