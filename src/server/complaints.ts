import type { Clock } from '../clock.js';
import type { Log } from '../log.js';

/** Between two lines of one kind, in milliseconds. */
const QUIET = 10_000;

interface Told {
  at: number;
  untold: number;
}

/** Tells what strangers do wrong without letting them fill the log: of each kind a line every 10 s at most. */
export class Complaints {
  private readonly kinds = new Map<string, Told>();

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
  ) {}

  /** `sentence` is of a closed list, or escaped and cut; it is the kind as well, for each listener. */
  tell(sentence: string, fields: { peer: string | undefined; listener: string; [more: string]: unknown }): void {
    const now = this.clock.now();
    const kind = `${fields.listener} ${sentence}`;
    const told = this.kinds.get(kind);
    if (told && now - told.at < QUIET) {
      told.untold++;
      return;
    }
    const more = told && told.untold > 0 ? { untold: told.untold } : {};
    this.kinds.set(kind, { at: now, untold: 0 });
    this.log.warn({ ...fields, ...more }, sentence);
  }
}
