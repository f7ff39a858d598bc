import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure, type Reason } from '../../health/reason.js';
import { withStepTimeout } from '../shared/deadline.js';
import type { RedisCheck } from './check.js';
import type { ClientProbe } from './client-probe.js';
import { redisFailure } from './failure.js';

/** Failures that are attributed to the client if its server answers. */
const clientReasons: ReadonlySet<Reason> = new Set(['timeout', 'reset', 'refused', 'protocol']);

/** Checks a server, then the application's client. */
export class RedisClientCheck {
  constructor(
    private readonly dedicated: RedisCheck,
    private readonly probe: ClientProbe,
    private readonly clock: Clock,
  ) {}

  async run(signal: AbortSignal, deadline: number, connected?: () => number): Promise<CheckResult> {
    let until = deadline;
    const server = await this.dedicated.run(signal, deadline, () => (until = connected?.() ?? until));
    if (server.status === 'fail' || this.probe.isUnused) return server;
    const timeoutError = (ms: number) => new CheckFailure('pool-exhausted', `${this.probe.state} within ${ms} ms`);
    try {
      await withStepTimeout(this.clock, until, signal, timeoutError, (stepSignal) => this.probe.ping(stepSignal));
      return server;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const { reason, message, status } = redisFailure(error);
      const output = `${message}, but the server answers`;
      throw new CheckFailure(clientReasons.has(reason) ? 'pool-exhausted' : reason, output, { status });
    }
  }

  close(): Promise<void> {
    return this.dedicated.close();
  }
}
