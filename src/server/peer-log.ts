import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';

/** Between two lines of one kind, in milliseconds. */
const QUIET = 10_000;

interface Told {
  at: number;
  untold: number;
}

/** Who did it; the address is asked for only when a line is written. */
export interface Culprit {
  readonly remoteAddress?: string | undefined;
}

export interface Manner {
  /** What counts as the same, of a closed list. Default: the sentence, which is of a closed list then. */
  kind?: string;
  /** `info` for what happens to honest peers as well. Default `warn`. */
  level?: 'info' | 'warn';
}

/** Tells what strangers do at one listener without letting them fill the log: of each kind a line every 10 s at most. */
export class Complaints {
  private readonly kinds = new Map<string, Told>();

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
    private readonly listener: string,
  ) {}

  /** `sentence` repeats nothing that a peer wrote as text, so there is nothing to escape. */
  tell(sentence: string, culprit: Culprit, { kind = sentence, level = 'warn' }: Manner = {}): void {
    const now = this.clock.now();
    const told = this.kinds.get(kind);
    if (told && now - told.at < QUIET) {
      told.untold++;
      return;
    }
    const more = told && told.untold > 0 ? { untold: told.untold } : {};
    this.kinds.set(kind, { at: now, untold: 0 });
    this.log[level]({ peer: culprit.remoteAddress, listener: this.listener, ...more }, sentence);
  }
}
