import type { Clock, Timer } from '../clock.js';
import type { DefinedCheck } from './define.js';
import { CheckFailure } from './reason.js';
import type { Finding, Findings } from './result.js';

/** A timer this late means that this process stood still: what the check waits for may be there, unread. */
const STOOD_STILL_MS = 50;
/** Long enough for the loop to read what has arrived. */
const LOOK_AGAIN_MS = 5;

/** Kinds whose code is the user's own: what they throw is their word, not our mistake. */
const ownKinds: ReadonlySet<string> = new Set(['function', 'module']);

/** Who started a run hears how it went. */
export interface RunListener {
  /** The finding stands; called exactly once, at the timeout at the latest, and never after `abort`. */
  end(run: Run, finding: Finding): void;
  /** The check has let go: its promise settled, before or after the end. */
  settle(run: Run): void;
}

/** One run of one check: ended by its timeout, whether or not the check lets go. */
export class Run {
  readonly startedAt: number;
  /** True once the check's own promise has settled. */
  settled = false;
  private open = true;
  private readonly deadline: number;
  private readonly aborter = new AbortController();
  private timer: Timer;
  private done: Promise<void> | undefined;

  constructor(
    private readonly check: DefinedCheck,
    private readonly hops: number,
    private readonly clock: Clock,
    private readonly findings: Findings,
    private readonly listener: RunListener,
  ) {
    this.startedAt = clock.now();
    this.deadline = this.startedAt + check.timeout;
  }

  begin(): void {
    this.timer = this.clock.after(this.check.timeout, () => this.late());
    this.done = this.work();
  }

  /** Ends the run without a finding, because nobody wants it any more; settles when the check lets go. */
  async abort(): Promise<void> {
    this.close();
    this.aborter.abort(new CheckFailure('timeout', 'the run is not wanted any more'));
    await this.done;
  }

  private async work(): Promise<void> {
    const { check, findings, hops } = this;
    let finding: Finding;
    try {
      finding = findings.returned(await check.run(this.aborter.signal, this.deadline, hops));
    } catch (error) {
      finding = findings.thrown(error, ownKinds.has(check.kind) ? 'custom' : 'internal');
    }
    this.settled = true;
    this.listener.settle(this);
    if (!this.open) return;
    this.close();
    this.listener.end(this, finding);
  }

  private late(): void {
    if (this.clock.now() - this.deadline > STOOD_STILL_MS) {
      this.timer = this.clock.after(LOOK_AGAIN_MS, () => this.expire());
    } else {
      this.expire();
    }
  }

  private expire(): void {
    this.close();
    const { timeout } = this.check;
    this.aborter.abort(new CheckFailure('timeout', `no answer within ${timeout} ms`));
    this.listener.end(this, this.findings.failed('timeout', `no answer within ${timeout} ms`));
  }

  private close(): void {
    this.open = false;
    this.clock.clear(this.timer);
  }
}
