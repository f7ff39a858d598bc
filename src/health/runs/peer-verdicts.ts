import type { Clock, Timer } from '../../common/clock.js';
import type { NormalizedResult } from '../result.js';
import { type CheckState, isHealthy } from '../state.js';
import { type Fate, Fates, NO_PEERS, type Peers } from '../verdict.js';

/** Asks the peers whether they share the failures of one check, and ends their verdict when it is too old. */
export class PeerVerdicts {
  /** Monotonic time at which the verdict ends; undefined if there is none, or it is unknown. */
  limit: number | undefined;
  private timer: Timer;
  /** Start of the last run that passed or warned; -Infinity before. */
  private lastPassAt = Number.NEGATIVE_INFINITY;
  /** End of the first run since then that did not; undefined if there is none. */
  private failedAt: number | undefined;
  /** Of the current failure; undefined if peers were not asked. */
  private fates: Fates | undefined;

  /**
   * @param check its name.
   * @param onEnd called when the verdict is too old.
   */
  constructor(
    private readonly check: string,
    private readonly context: { readonly clock: Clock; readonly peers: Peers | undefined },
    private readonly onEnd: () => void,
  ) {}

  /** Whether the check has passed or warned. */
  get hasPassed(): boolean {
    return this.lastPassAt > Number.NEGATIVE_INFINITY;
  }

  /** Records the status of a run that has ended. */
  record(status: CheckState, startedAt: number): void {
    if (isHealthy(status)) {
      this.lastPassAt = startedAt;
      this.failedAt = undefined;
    } else {
      this.failedAt ??= this.context.clock.now();
    }
  }

  /** Calls `end` with a failure that was recorded, and with the verdict of the peers if there are any. */
  ask(failure: NormalizedResult, end: (result: NormalizedResult) => void): void {
    const { clock, peers } = this.context;
    if (!peers) return end(failure);
    // An instance that has never worked cannot tell its own mistake from a failure of the dependency.
    if (!this.hasPassed) return end({ ...failure, verdict: { fate: 'unknown', peers: NO_PEERS } });
    this.fates ??= new Fates();
    const { fates } = this;
    const since = { passedAt: this.lastPassAt, failedAt: this.failedAt ?? clock.now() };
    peers.ask(this.check, since, (tally, isOutdated) =>
      end({ ...failure, verdict: { fate: fates.next(tally, isOutdated), peers: tally } }),
    );
  }

  /** Ends the verdict after `ms`, unless it is renewed before. */
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

  /** The check does not fail any more. */
  recovered(): void {
    if (!this.fates) return;
    this.fates = undefined;
    this.context.peers?.recovered(this.check);
  }

  /** The check has been replaced. */
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
