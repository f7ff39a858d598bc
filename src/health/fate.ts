/**
 * Whether the other instances of the service share a failure of a check. `shared`: the dependency fails for them too.
 * `local`: it works for them. `unknown`: too few of their answers count.
 */
export const fates = ['shared', 'local', 'unknown'] as const;
export type Fate = (typeof fates)[number];

/** Summary of the answers of peers about one check. */
export interface PeerTally {
  /** Number of peers that were queried. */
  readonly asked: number;
  /** Number of peers whose answers count. */
  readonly answered: number;
  /** Number of peers at which the check fails too. */
  readonly failing: number;
}

/** What the answers of peers show about a failure. */
export interface Verdict {
  readonly fate: Fate;
  readonly peers: PeerTally;
}

/** Minimum number of answers that count, and minimum fraction of them that must fail, for a shared failure. */
const MIN_PEERS = 2;
const SHARED_FRACTION = 2 / 3;
/** Number of consecutive shared rounds that change a local failure to a shared one. */
const SHARED_AFTER_LOCAL = 2;

export const NO_PEERS: PeerTally = { asked: 0, answered: 0, failing: 0 };

/** The fate according to one query round. */
export function fateOf({ answered, failing }: PeerTally): Fate {
  if (answered >= MIN_PEERS && failing >= answered * SHARED_FRACTION) return 'shared';
  return answered > failing ? 'local' : 'unknown';
}

/** The fate of one failure over several query rounds. */
export class FailureFate {
  private wasLocal = false;
  private sharedInRow = 0;

  /**
   * Applies another round. A local failure becomes shared only after two shared rounds in a row, because instances that
   * fail together do not detect it at the same time. If the failure was local only because the passes of peers were
   * outdated, it becomes shared immediately.
   *
   * @param isOutdated whether all passes of peers are older than the failure here.
   */
  next(tally: PeerTally, isOutdated = false): Fate {
    const fate = fateOf(tally);
    this.sharedInRow = fate === 'shared' ? this.sharedInRow + 1 : 0;
    if (fate === 'local' && !isOutdated) this.wasLocal = true;
    if (fate !== 'shared' || !this.wasLocal) return fate;
    if (this.sharedInRow < SHARED_AFTER_LOCAL) return 'local';
    this.wasLocal = false;
    return 'shared';
  }
}

/** Times of a failure, in monotonic milliseconds. */
export interface FailureTimes {
  /** Start of the last run that passed. Answers based on older results do not count. */
  readonly passedAt: number;
  /** End of the first run that failed. */
  readonly failedAt: number;
}

/** Queries other instances of the service about a failing check. */
export interface Peers {
  /**
   * Calls `answer` exactly once, no later than after the configured timeout.
   *
   * @param since when the check last passed and first failed here.
   * @param answer `isOutdated`: all passes of peers are from runs that started before `since.failedAt`.
   */
  ask(check: string, since: FailureTimes, answer: (tally: PeerTally, isOutdated?: boolean) => void): void;
  /** Called when the check no longer fails. */
  recovered(check: string): void;
}
