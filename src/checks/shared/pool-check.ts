import type { Clock } from '../../common/clock.js';
import type { CheckResult } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { withStepTimeout } from './deadline.js';

/** The part of an application's pool that its check uses. */
interface Probe {
  /** Readable description of why the pool has provided no connection. */
  readonly state: string;
  readonly counts: CheckResult['observedValue'];
  ping(signal: AbortSignal): Promise<unknown>;
}

/** A server check over a dedicated connection. */
interface DedicatedCheck {
  run(signal: AbortSignal, deadline: number, connected?: () => number): Promise<CheckResult>;
  close(): Promise<void>;
}

/** How to interpret a driver's errors. */
interface DriverErrors {
  failureOf(error: unknown): CheckFailure;
  /** Matches the error message of a pool that provides no connection, because these errors have no code. */
  noConnection: RegExp;
}

/**
 * Checks a server, then the application's pool. The pool is not used while the server does not answer, because the
 * server may count every connection that the pool would start and abort.
 */
export class PoolCheck<Dedicated extends DedicatedCheck = DedicatedCheck, Pool extends Probe = Probe> {
  constructor(
    protected readonly dedicated: Dedicated,
    protected readonly probe: Pool,
    private readonly errors: DriverErrors,
    private readonly clock: Clock,
  ) {}

  async run(signal: AbortSignal, deadline: number, connected?: () => number): Promise<CheckResult> {
    let until = deadline;
    const server = await this.checkServer(signal, deadline, () => (until = connected?.() ?? until));
    if (server.status === 'fail') return server;
    try {
      await this.pingPool(signal, until);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return this.withCounts(this.poolFailure(error));
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
      return this.withoutConnection(error);
    }
  }

  /** The result if the server has no connection left for the check, but the pool works. */
  protected withoutConnection({ reason, message }: CheckFailure): CheckResult {
    return { status: 'warn', reason, output: `${message}; a pooled connection still answers` };
  }

  /** Pings the server over a pool connection. */
  protected async pingPool(signal: AbortSignal, deadline: number): Promise<void> {
    const exhausted = (ms: number) =>
      new CheckFailure('pool-exhausted', `${this.probe.state} within ${ms} ms, but the server answers`);
    await withStepTimeout(this.clock, deadline, signal, exhausted, async (stepSignal) => {
      try {
        await this.probe.ping(stepSignal);
      } catch (error) {
        // The server may have closed an idle connection without the pool noticing it.
        if (stepSignal.aborted || this.errors.failureOf(error).reason !== 'reset') throw error;
        await this.probe.ping(stepSignal);
      }
    });
  }

  private withCounts(result: CheckResult): CheckResult {
    return { ...result, observedValue: this.probe.counts, observedUnit: 'connections' };
  }

  private poolFailure(error: unknown): CheckResult {
    const { message } = error as Error;
    if (this.errors.noConnection.test(message)) return { status: 'fail', reason: 'pool-exhausted', output: message };
    const { status, reason, message: output } = this.errors.failureOf(error);
    return { status, reason, output };
  }
}
