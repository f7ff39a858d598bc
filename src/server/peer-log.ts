import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';

/** Minimum time between two lines of the same kind, in milliseconds. */
const INTERVAL_MS = 10_000;

/** The last line of a kind, and the number of lines dropped since then. */
interface LastLine {
  readonly at: number;
  suppressed: number;
}

/** The peer to which a line refers. Its address is read only when the line is written. */
export interface PeerRef {
  readonly remoteAddress?: string | undefined;
}

export interface LogOptions {
  /**
   * Key for the rate limit, from a fixed set.
   * @default the description, which must then be from a fixed set
   */
  kind?: string;
  /**
   * `info` is for events that well-behaved peers also cause.
   * @default 'warn'
   */
  level?: 'info' | 'warn';
}

/**
 * Rate-limited log of peer violations: one line per kind and listener every 10 s, with the number of suppressed lines.
 */
export class PeerLog {
  private readonly lastLines = new Map<string, LastLine>();

  constructor(
    private readonly output: Log,
    private readonly clock: Clock,
    private readonly listener: string,
  ) {}

  /** `description` must not contain text from the peer. */
  log(description: string, peer: PeerRef, { kind = description, level = 'warn' }: LogOptions = {}): void {
    const now = this.clock.now();
    const last = this.lastLines.get(kind);
    if (last && now - last.at < INTERVAL_MS) {
      last.suppressed++;
      return;
    }
    const count = last && last.suppressed > 0 ? { suppressed: last.suppressed } : {};
    this.lastLines.set(kind, { at: now, suppressed: 0 });
    this.output[level]({ peer: peer.remoteAddress, listener: this.listener, ...count }, description);
  }
}
