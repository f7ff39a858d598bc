import type { Clock, Timer } from '../../common/clock.js';
import { FailureFate, type Fate, NO_PEERS, type Peers } from '../fate.js';
import type { NormalizedResult } from '../result.js';
import { type CheckState, isHealthy } from '../state.js';

/** Asks the peers whether they share the failures of one check, and ends the resulting verdict when it is too old. */
export class PeerVerdicts {
  /** Monotonic time at which the verdict ends; undefined if there is no verdict or its fate is unknown. */
  limit: number | undefined;
  private timer: Timer;
  /** Start of the last run that passed or warned; -Infinity if there was none. */
  private lastPassAt = Number.NEGATIVE_INFINITY;
  /** End of the first run after `lastPassAt` that neither passed nor warned; undefined if there is none. */
  private failedAt: number | undefined;
  /** Fate of the current failure; undefined if peers were not queried. */
  private failureFate: FailureFate | undefined;

  /**
   * @param check name of the check.
   * @param onEnd called when the verdict is too old.
   */
  constructor(
    private readonly check: string,
    private readonly context: { readonly clock: Clock; readonly peers: Peers | undefined },
    private readonly onEnd: () => void,
  ) {}

  /** Whether the check has ever passed or warned. */
  get hasPassed(): boolean {
    return this.lastPassAt > Number.NEGATIVE_INFINITY;
  }

  /** Records the status of a finished run. */
  record(status: CheckState, startedAt: number): void {
    if (isHealthy(status)) {
      this.lastPassAt = startedAt;
      this.failedAt = undefined;
    } else {
      this.failedAt ??= this.context.clock.now();
    }
  }

  /** Calls `end` with a failure that has been recorded, and with the verdict of the peers if there are any. */
  ask(failure: NormalizedResult, end: (result: NormalizedResult) => void): void {
    const { peers } = this.context;
    if (!peers) return end(failure);
    // An instance on which the check has never passed cannot distinguish its own mistake from a failure of the
    // dependency.
    if (!this.hasPassed) return end({ ...failure, verdict: { fate: 'unknown', peers: NO_PEERS } });
    this.failureFate ??= new FailureFate();
    const { failureFate } = this;
    const since = { passedAt: this.lastPassAt, failedAt: this.failedAt as number };
    peers.ask(this.check, since, (tally, isOutdated) =>
      end({ ...failure, verdict: { fate: failureFate.next(tally, isOutdated), peers: tally } }),
    );
  }

  /** Ends the verdict after `ms` milliseconds unless it is renewed earlier. */
  keep(fate: Fate | undefined, ms: number): void {
    const { clock } = this.context;
    clock.clear(this.timer);
    this.limit = undefined;
    if (fate === undefined || fate === 'unknown') return;
    this.limit = clock.now() + ms;
    this.timer = clock.after(ms, () => {
      this.limit = undefined;
      this.onEnd();
    });
  }

  /** Called when the check no longer fails. */
  recovered(): void {
    if (!this.failureFate) return;
    this.failureFate = undefined;
    this.context.peers?.recovered(this.check);
  }

  /** Called when the check has been replaced. */
  restart(): void {
    this.lastPassAt = Number.NEGATIVE_INFINITY;
    this.failedAt = undefined;
    this.recovered();
  }

  stop(): void {
    this.context.clock.clear(this.timer);
    this.recovered();
  }
}
