import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import type { CheckFailure } from '../../health/reason.js';
import { PoolCheck } from '../shared/pool-check.js';
import type { MysqlCheck } from './check.js';
import { isUserLimit, mysqlFailure } from './failure.js';
import { type CorePool, PoolProbe } from './pool.js';

const errors = {
  failureOf: mysqlFailure,
  noConnection: /^(?:Queue limit reached|No connections available|Pool is closed)\./,
};

/** Checks a server, then the application's pool, which may need the connection that the check uses. */
export class MysqlPoolCheck extends PoolCheck<MysqlCheck, PoolProbe> {
  constructor(dedicated: MysqlCheck, pool: CorePool, clock: Clock) {
    super(dedicated, new PoolProbe(pool), errors, clock);
  }

  protected override withoutConnection(error: CheckFailure): CheckResult {
    // The pool has opened all its connections. Only the check cannot connect.
    if (isUserLimit(error) && this.probe.isAtLimit && !this.dedicated.hasExpectations) return { status: 'pass' };
    return super.withoutConnection(error);
  }

  /** If the user has reached its connection limit, closes the check's connection so that the pool can open one. */
  protected override async pingPool(signal: AbortSignal, deadline: number): Promise<void> {
    try {
      await super.pingPool(signal, deadline);
    } catch (error) {
      if (signal.aborted || !isUserLimit(mysqlFailure(error))) throw error;
      await this.dedicated.closeSession();
      await super.pingPool(signal, deadline);
    }
  }
}
