import type { Clock, Timer } from '../../common/clock.js';
import type { DefinedCheck } from '../defined-check.js';
import { CheckFailure } from '../reason.js';
import type { NormalizedResult, ResultNormalizer } from '../result.js';

/** A timer this late means that this process stood still: what the check waits for may be there, unread. */
const STALL_MS = 50;
/** Long enough for the loop to read what has arrived. */
const RECHECK_MS = 5;

/** Kinds whose code is the user's own: what they throw is their word, not our mistake. */
const ownKinds: ReadonlySet<string> = new Set(['function', 'module']);

/** Kinds that never block the event loop: where their result is late, something else did. */
const unblockingKinds: ReadonlySet<string> = new Set(['mysql', 'redis', 'http', 'tcp', 'pingpong', 'process', 'disk']);

/** Who started a run hears how it went. */
export interface RunListener {
  /** The result stands; called exactly once, at the timeout at the latest, and never after `abort`. */
  end(run: Run, result: NormalizedResult): void;
  /** The check has let go: its promise settled, before or after the end. */
  settle(run: Run): void;
}

/** One run of one check: ended by its timeout, whether or not the check lets go. */
export class Run {
  readonly startedAt: number;
  /** True once the check's own promise has settled. */
  settled = false;
  private open = true;
  private deadline = 0;
  /** How long the latest call of the check took to return its promise, in milliseconds. */
  private blocked = 0;
  private hasConnected = false;
  private readonly aborter = new AbortController();
  private timer: Timer;
  private done: Promise<void> | undefined;

  constructor(
    private readonly check: DefinedCheck,
    private readonly hops: number,
    private readonly clock: Clock,
    private readonly normalizer: ResultNormalizer,
    private readonly listener: RunListener,
  ) {
    this.startedAt = clock.now();
  }

  begin(): void {
    this.setDeadline(this.startedAt);
    this.done = this.work();
  }

  /** Ends the run without a result, because nobody wants it any more; settles when the check lets go. */
  async abort(): Promise<void> {
    this.close();
    this.aborter.abort(new CheckFailure('timeout', 'the run is not wanted any more'));
    await this.done;
  }

  private async work(): Promise<void> {
    let result = await this.attempt();
    let isTooLate = this.isLate && this.blocked >= this.check.timeout;
    // This check blocked the event loop, or something else did: a second attempt tells which.
    if (this.isLate && !isTooLate && this.mayRepeat) {
      this.setDeadline(this.clock.now());
      result = await this.attempt();
      isTooLate = this.isLate;
    }
    this.settled = true;
    this.listener.settle(this);
    if (!this.open) return;
    this.close();
    this.listener.end(this, isTooLate ? this.noAnswer(': the check blocks the event loop') : result);
  }

  private async attempt(): Promise<NormalizedResult> {
    const { check, normalizer, hops, clock } = this;
    try {
      const calledAt = clock.now();
      const run = (async () => check.run(this.aborter.signal, this.deadline, hops, this.connected))();
      this.blocked = clock.now() - calledAt;
      return normalizer.returned(await run);
    } catch (error) {
      return normalizer.thrown(error, ownKinds.has(check.kind) ? 'custom' : 'internal');
    }
  }

  /** The result came after the deadline and the run has not ended for that: the event loop was blocked, perhaps by the check. */
  private get isLate(): boolean {
    return this.open && this.clock.now() > this.deadline && !unblockingKinds.has(this.check.kind);
  }

  private get mayRepeat(): boolean {
    return this.clock.now() - this.startedAt >= this.check.minInterval;
  }

  /** What the check connected is kept, so that the next runs need not: its cost is not counted against this one. */
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
    this.timer = this.clock.after(timeout, () => this.onTimer());
  }

  private onTimer(): void {
    if (this.clock.now() - this.deadline > STALL_MS) {
      this.timer = this.clock.after(RECHECK_MS, () => this.expire());
    } else {
      this.expire();
    }
  }

  private expire(): void {
    this.close();
    const result = this.noAnswer();
    this.aborter.abort(new CheckFailure('timeout', result.output ?? ''));
    this.listener.end(this, result);
  }

  private noAnswer(why = ''): NormalizedResult {
    return this.normalizer.failed('timeout', `no answer within ${this.check.timeout} ms${why}`);
  }

  private close(): void {
    this.open = false;
    this.clock.clear(this.timer);
  }
}
