import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';
import type { ToMain } from './messages.js';

/**
 * Interval in milliseconds within which equal lines from several threads are merged. Within this interval, each thread
 * logs at most one line of a kind.
 */
const INTERVAL_MS = 10_000;

interface WrittenLine {
  readonly thread: number;
  readonly at: number;
  /**
   * Number of lines from other threads that were dropped since this line, including lines that those threads dropped.
   */
  suppressed: number;
}

type LogMessage = Extract<ToMain, { kind: 'log' }> & { readonly fields: { listener?: unknown; suppressed?: number } };

/** Writes the log lines of all threads. If several threads log the same line within 10 s, only the first is written. */
export class MergedLog {
  /** By listener and text, oldest first. */
  private readonly written = new Map<string, WrittenLine>();

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
  ) {}

  write(thread: number, { level, fields, message }: LogMessage): void {
    const now = this.clock.now();
    const key = `${fields.listener} ${message}`;
    const last = this.written.get(key);
    const dropped = fields.suppressed ?? 0;
    if (last && last.thread !== thread && now - last.at < INTERVAL_MS) {
      last.suppressed += 1 + dropped;
      return;
    }
    const suppressed = dropped + (last?.suppressed ?? 0);
    this.written.delete(key);
    this.forgetOld(now);
    this.written.set(key, { thread, at: now, suppressed: 0 });
    this.log[level](suppressed > 0 ? { ...fields, suppressed } : fields, message);
  }

  /** Removes old lines. A line is kept for longer than the interval, because the next equal line reports its count. */
  private forgetOld(now: number): void {
    for (const [key, { at }] of this.written) {
      if (now - at < 2 * INTERVAL_MS) return;
      this.written.delete(key);
    }
  }
}
