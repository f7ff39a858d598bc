import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { withStepTimeout } from '../shared/deadline.js';
import type { PostgresCheck } from './check.js';
import { postgresFailure } from './failure.js';
import { type PgPool, PoolProbe } from './pool.js';

/** Driver messages, which have no code, for a pool that provides no connection. */
const NO_CONNECTION =
  /^timeout exceeded when trying to connect|^Connection terminated due to connection timeout|^Cannot use a pool after/;

/** Checks a server and then the pool of the application, which is not used while the server does not answer. */
export class PostgresPoolCheck {
  private readonly probe: PoolProbe;

  constructor(
    private readonly dedicated: PostgresCheck,
    pool: PgPool,
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
      // A server at its connection limit may still serve the connections of the pool.
      if (!(error instanceof CheckFailure) || error.reason !== 'too-many-connections') throw error;
      return { status: 'warn', reason: error.reason, output: `${error.message}; a pooled connection still answers` };
    }
  }

  private async pingPool(signal: AbortSignal, deadline: number): Promise<void> {
    const exhausted = (ms: number) =>
      new CheckFailure('pool-exhausted', `${this.probe.state} within ${ms} ms, but the server answers`);
    await withStepTimeout(this.clock, deadline, signal, exhausted, async (stepSignal) => {
      try {
        await this.probe.ping(stepSignal);
      } catch (error) {
        // The server may have closed an idle connection without the pool noticing.
        if (stepSignal.aborted || postgresFailure(error).reason !== 'reset') throw error;
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
  const { status, reason, message: output } = postgresFailure(error);
  return { status, reason, output };
}
