import type { Clock, Timer } from '../../common/clock.js';
import type { DefinedCheck } from '../defined-check.js';
import { CheckFailure } from '../reason.js';
import type { NormalizedResult, ResultNormalizer } from '../result.js';
import { RepeatQueue } from './repeat-queue.js';
import type { RunTrace, RunTracer } from './trace.js';

/**
 * Lateness of a timer in milliseconds from which the process counts as stalled, so that answers may have arrived
 * without having been read.
 */
const STALL_MS = 10;

/** Kinds that run user code. Exceptions from it get the reason `custom` instead of `internal`. */
const ownKinds: ReadonlySet<string> = new Set(['function', 'module']);

/** Receives the outcome of a run. */
export interface RunListener {
  /** Called exactly once with the result, no later than when the timeout expires. Not called after `abort`. */
  end(run: Run, result: NormalizedResult): void;
  /** Called when the promise of the check has settled, which may be before or after `end`. */
  settle(run: Run): void;
}

/**
 * One run of a check. It ends at its timeout, whether or not the check has settled. If the process was stalled at that
 * time, the run is extended by the duration of the stall. Opening a connection takes several round trips, so this can
 * happen repeatedly, but it adds at most the timeout in total.
 */
export class Run {
  readonly startedAt: number;
  /** Whether the promise of the check has settled. */
  settled = false;
  private open = true;
  private deadline = 0;
  /** Time in milliseconds that the latest call of the check took to return its promise. */
  private blocked = 0;
  private hasConnected = false;
  /** Remaining time by which stalls may extend the run, in milliseconds. */
  private stallAllowance: number;
  private readonly aborter = new AbortController();
  private timer: Timer;
  private done: Promise<void> | undefined;
  private readonly trace: RunTrace | undefined;
  /** Ends the turn of a second attempt. */
  private endTurn: (() => void) | undefined;

  constructor(
    private readonly check: DefinedCheck,
    private readonly hops: number,
    private readonly clock: Clock,
    private readonly normalizer: ResultNormalizer,
    private readonly listener: RunListener,
    private readonly repeats = new RepeatQueue(clock),
    tracer?: RunTracer,
  ) {
    this.startedAt = clock.now();
    this.stallAllowance = check.timeout;
    this.trace = tracer?.begin(check);
  }

  begin(): void {
    this.setDeadline(this.startedAt);
    this.done = this.work();
  }

  /** Ends the run without a result. Resolves when the check has settled. */
  async abort(): Promise<void> {
    if (this.open) this.trace?.end();
    this.close();
    this.aborter.abort(new CheckFailure('timeout', 'the run was aborted'));
    await this.done;
  }

  private async work(): Promise<void> {
    let result = await this.attempt();
    let isTooLate = this.isLate && this.blocked >= this.check.timeout;
    // Either this check or something else blocked the event loop. A second attempt, without other runs, shows which.
    if (this.isLate && !isTooLate && this.mayRepeat) {
      const endTurn = await this.waitForTurn();
      if (!this.open) endTurn?.();
      else if (endTurn) {
        this.endTurn = endTurn;
        this.setDeadline(this.clock.now());
        result = await this.attempt();
        isTooLate = this.isLate;
      }
    }
    this.settled = true;
    this.listener.settle(this);
    if (!this.open) return;
    this.finish(isTooLate ? this.noAnswer(': the check blocks the event loop') : result);
  }

  private waitForTurn(): Promise<(() => void) | undefined> {
    this.clock.clear(this.timer);
    return this.repeats.turn(this.check.timeout);
  }

  private async attempt(): Promise<NormalizedResult> {
    const { check, normalizer, hops, clock } = this;
    try {
      const calledAt = clock.now();
      const call = async () => check.run(this.aborter.signal, this.deadline, hops, this.connected);
      const run = this.trace ? this.trace.within(call) : call();
      this.blocked = clock.now() - calledAt;
      return normalizer.returned(await run);
    } catch (error) {
      return normalizer.thrown(error, ownKinds.has(check.kind) ? 'custom' : 'internal');
    }
  }

  /**
   * Whether the result came after the deadline but before the timer fired. If so, the event loop was blocked, possibly
   * by the check.
   */
  private get isLate(): boolean {
    return this.open && this.clock.now() > this.deadline && !this.check.nonBlocking;
  }

  private get mayRepeat(): boolean {
    return this.clock.now() - this.startedAt >= this.check.minInterval;
  }

  /** Establishing the connection does not count against the timeout of this run, because later runs use it too. */
  private readonly connected = (): number => {
    if (this.open && !this.hasConnected) {
      this.hasConnected = true;
      this.setDeadline(this.clock.now());
    }
    return this.deadline;
  };

  private setDeadline(from: number): void {
    const { timeout } = this.check;
    this.deadline = from + timeout;
    this.clock.clear(this.timer);
    this.startTimer(timeout);
  }

  private startTimer(ms: number): void {
    const due = this.clock.now() + ms;
    this.timer = this.clock.after(ms, () => this.onTimer(this.clock.now() - due));
  }

  private onTimer(late: number): void {
    const more = Math.min(late, this.stallAllowance);
    if (late < STALL_MS || more === 0) return this.expire();
    this.stallAllowance -= more;
    this.startTimer(more);
  }

  private expire(): void {
    const result = this.noAnswer();
    this.aborter.abort(new CheckFailure('timeout', result.output ?? ''));
    this.finish(result);
  }

  private finish(result: NormalizedResult): void {
    this.close();
    this.trace?.end(result);
    this.listener.end(this, result);
  }

  private noAnswer(why = ''): NormalizedResult {
    return this.normalizer.failed('timeout', `no answer within ${this.check.timeout} ms${why}`);
  }

  private close(): void {
    this.open = false;
    this.clock.clear(this.timer);
    this.endTurn?.();
  }
}
