/**
 * Whether a failure of a check is shared by the other instances of the service. `shared`: the dependency fails for them
 * too. `local`: it works for them. `unknown`: too few of them could say.
 */
export const fates = ['shared', 'local', 'unknown'] as const;
export type Fate = (typeof fates)[number];

/** The answers of peers about one check. */
export interface PeerTally {
  /** Peers that were asked. */
  readonly asked: number;
  /** Peers whose answers count. */
  readonly answered: number;
  /** Peers at which the check fails, too. */
  readonly failing: number;
}

/** What is known about a failure from peers. */
export interface Verdict {
  readonly fate: Fate;
  readonly peers: PeerTally;
}

/** Minimum number of answers that count, and the fraction of them that must fail, for a shared failure. */
const MIN_PEERS = 2;
const SHARED_FRACTION = 2 / 3;
/** Consecutive shared results that change a local failure to a shared one. */
const SHARED_AFTER_LOCAL = 2;

export const NO_PEERS: PeerTally = { asked: 0, answered: 0, failing: 0 };

/** The fate according to one round of answers. */
export function fateOf({ answered, failing }: PeerTally): Fate {
  if (answered >= MIN_PEERS && failing >= answered * SHARED_FRACTION) return 'shared';
  return answered > failing ? 'local' : 'unknown';
}

/** The fate of one failure over its rounds of answers. */
export class Fates {
  private wasLocal = false;
  private sharedInRow = 0;

  /**
   * Applies another round. A local failure becomes shared only after two rounds in a row say so, unless it was local
   * only by outdated passes: instances that fail together do not find out at the same time.
   *
   * @param isOutdated all passes of peers are from before the failure here.
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

/** Times of a failure in monotonic milliseconds. */
export interface FailureTimes {
  /** Start of the last run that passed; answers from older results do not count. */
  readonly passedAt: number;
  /** End of the first run that failed. */
  readonly failedAt: number;
}

/** Asks other instances of the service about a check that fails. */
export interface Peers {
  /**
   * Calls `answer` exactly once, at the latest after the configured timeout.
   *
   * @param since when the check passed and failed here.
   * @param answer `isOutdated`: all passes of peers are from runs that started before `since.failedAt`.
   */
  ask(check: string, since: FailureTimes, answer: (tally: PeerTally, isOutdated?: boolean) => void): void;
  /** The check does not fail any more. */
  recovered(check: string): void;
}
