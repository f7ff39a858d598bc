import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';

/** Between two lines of one kind, in milliseconds. */
const QUIET = 10_000;

interface ReportView {
  at: number;
  untold: number;
}

/** Who did it; the address is asked for only when a line is written. */
export interface PeerRef {
  readonly remoteAddress?: string | undefined;
}

export interface LogOptions {
  /** What counts as the same, of a closed list. Default: the sentence, which is of a closed list then. */
  kind?: string;
  /** `info` for what happens to honest peers as well. Default `warn`. */
  level?: 'info' | 'warn';
}

/** Tells what strangers do at one listener without letting them fill the log: of each kind a line every 10 s at most. */
export class PeerLog {
  private readonly kinds = new Map<string, ReportView>();

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
    private readonly listener: string,
  ) {}

  /** `description` repeats nothing that a peer wrote as text, so there is nothing to escape. */
  tell(description: string, culprit: PeerRef, { kind = description, level = 'warn' }: LogOptions = {}): void {
    const now = this.clock.now();
    const told = this.kinds.get(kind);
    if (told && now - told.at < QUIET) {
      told.untold++;
      return;
    }
    const more = told && told.untold > 0 ? { untold: told.untold } : {};
    this.kinds.set(kind, { at: now, untold: 0 });
    this.log[level]({ peer: culprit.remoteAddress, listener: this.listener, ...more }, description);
  }
}
