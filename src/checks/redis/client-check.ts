import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure, type Reason } from '../../health/reason.js';
import { withStepTimeout } from '../shared/step-timeout.js';
import type { RedisCheck } from './check.js';
import type { ClientProbe } from './client-probe.js';
import { redisFailure } from './failure.js';

/** What is the client's own fault where its server is well. */
const ownFault: ReadonlySet<Reason> = new Set(['timeout', 'reset', 'refused', 'protocol']);

/** Whether a server is well, and then whether the application's client is. */
export class RedisClientCheck {
  constructor(
    private readonly dedicated: RedisCheck,
    private readonly visitor: ClientProbe,
    private readonly clock: Clock,
  ) {}

  async run(signal: AbortSignal, deadline: number, connected?: () => number): Promise<CheckResult> {
    let until = deadline;
    const server = await this.dedicated.run(signal, deadline, () => (until = connected?.() ?? until));
    if (server.status === 'fail' || this.visitor.unused) return server;
    const over = (ms: number) => new CheckFailure('pool-exhausted', `${this.visitor.state} within ${ms} ms`);
    try {
      await withStepTimeout(this.clock, until, signal, over, (patience) => this.visitor.ping(patience));
      return server;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const { reason, message, status } = redisFailure(error);
      const told = `${message}, and the server is well`;
      throw new CheckFailure(ownFault.has(reason) ? 'pool-exhausted' : reason, told, { status });
    }
  }

  close(): Promise<void> {
    return this.dedicated.close();
  }
}
