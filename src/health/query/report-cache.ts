import type { Clock, Timer } from '../../common/clock.js';
import type { ReportDetail } from '../health.js';

/** How long a serialised report is reused while nothing changes, in milliseconds. */
const REPORT_LIFE = 250;
/** Limit for all cached reports together, in bytes. */
const MAX_BYTES = 4 * 1024 * 1024;

interface Kept {
  readonly octets: Buffer;
  readonly revision: number;
  readonly until: number;
}

/**
 * Serialised reports that callers share. A report is dropped when it may no longer be reused, so that the many watched
 * views cost no memory between two changes.
 */
export class ReportCache {
  /** For each extent the oldest first. */
  private readonly kept: Readonly<Record<ReportDetail, Map<object, Kept>>> = {
    full: new Map(),
    causes: new Map(),
    chain: new Map(),
  };
  /** Bytes of all cached reports. */
  octets = 0;
  private timer: Timer | undefined;

  constructor(private readonly clock: Clock) {}

  /** Returns the report of `view` at `revision`; calls `serialise` if none is cached. */
  get(view: object, extent: ReportDetail, revision: number, serialise: () => Buffer): Buffer {
    const now = this.clock.now();
    const reports = this.kept[extent];
    const kept = reports.get(view);
    if (kept && kept.revision === revision && now < kept.until) return kept.octets;
    const octets = serialise();
    if (kept) this.drop(reports, view, kept);
    if (this.octets + octets.length > MAX_BYTES) this.clear();
    reports.set(view, { octets, revision, until: now + REPORT_LIFE });
    this.octets += octets.length;
    this.timer ??= this.clock.after(REPORT_LIFE, this.expire);
    return octets;
  }

  clear(): void {
    for (const reports of Object.values(this.kept)) reports.clear();
    this.octets = 0;
    this.clock.clear(this.timer);
    this.timer = undefined;
  }

  private drop(reports: Map<object, Kept>, view: object, { octets }: Kept): void {
    reports.delete(view);
    this.octets -= octets.length;
  }

  private readonly expire = (): void => {
    const now = this.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const reports of Object.values(this.kept)) {
      for (const [view, kept] of reports) {
        if (kept.until > now) {
          next = Math.min(next, kept.until);
          break;
        }
        this.drop(reports, view, kept);
      }
    }
    this.timer = next < Number.POSITIVE_INFINITY ? this.clock.after(next - now, this.expire) : undefined;
  };
}
