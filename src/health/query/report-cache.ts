import type { Clock, Timer } from '../../common/clock.js';
import type { ReportDetail } from '../health.js';

/** How long a serialized report is reused while nothing changes, in milliseconds. */
const REPORT_LIFE = 250;
/** Maximum total size of all cached reports, in bytes. */
const MAX_BYTES = 4 * 1024 * 1024;

interface CachedReport {
  readonly bytes: Buffer;
  readonly revision: number;
  readonly until: number;
}

/**
 * Serialized reports, shared by all requests. A report is dropped as soon as it can no longer be reused, so that groups
 * with subscribers use no memory between changes.
 */
export class ReportCache {
  /** By detail, oldest first. */
  private readonly cache: Readonly<Record<ReportDetail, Map<object, CachedReport>>> = {
    full: new Map(),
    causes: new Map(),
    chain: new Map(),
  };
  /** Total size of all cached reports, in bytes. */
  bytes = 0;
  private timer: Timer | undefined;

  constructor(private readonly clock: Clock) {}

  /** Returns the report of `group` at `revision`. Calls `serialise` if none is cached. */
  get(group: object, detail: ReportDetail, revision: number, serialise: () => Buffer): Buffer {
    const now = this.clock.now();
    const reports = this.cache[detail];
    const cached = reports.get(group);
    if (cached && cached.revision === revision && now < cached.until) return cached.bytes;
    const bytes = serialise();
    if (cached) this.drop(reports, group, cached);
    if (this.bytes + bytes.length > MAX_BYTES) this.clear();
    reports.set(group, { bytes, revision, until: now + REPORT_LIFE });
    this.bytes += bytes.length;
    this.timer ??= this.clock.after(REPORT_LIFE, this.expire);
    return bytes;
  }

  clear(): void {
    for (const reports of Object.values(this.cache)) reports.clear();
    this.bytes = 0;
    this.clock.clear(this.timer);
    this.timer = undefined;
  }

  private drop(reports: Map<object, CachedReport>, group: object, { bytes }: CachedReport): void {
    reports.delete(group);
    this.bytes -= bytes.length;
  }

  private readonly expire = (): void => {
    const now = this.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const reports of Object.values(this.cache)) {
      for (const [group, cached] of reports) {
        if (cached.until > now) {
          next = Math.min(next, cached.until);
          break;
        }
        this.drop(reports, group, cached);
      }
    }
    this.timer = next < Number.POSITIVE_INFINITY ? this.clock.after(next - now, this.expire) : undefined;
  };
}
