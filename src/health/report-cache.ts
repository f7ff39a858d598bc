import type { Clock, Timer } from '../clock.js';
import type { Extent, View } from './view.js';

/** How long a serialised report is given while nothing changes, in milliseconds. */
const REPORT_LIFE = 250;
/** Octets of all kept reports together. */
const MAX_OCTETS = 4 * 1024 * 1024;

interface Kept {
  readonly octets: Buffer;
  readonly revision: number;
  readonly until: number;
}

/**
 * The serialised reports that callers share. None is kept for longer than it may be given, so that views which are
 * watched, of which there are many, cost no memory between two changes.
 */
export class ReportCache {
  /** For each extent the oldest first. */
  private readonly kept: Readonly<Record<Extent, Map<View, Kept>>> = {
    full: new Map(),
    causes: new Map(),
    chain: new Map(),
  };
  /** Octets of all that are kept. */
  octets = 0;
  private timer: Timer | undefined;

  constructor(private readonly clock: Clock) {}

  /** The report of `view` as it is at `revision`, from `serialise` unless there is one that is young enough. */
  get(view: View, extent: Extent, revision: number, serialise: () => Buffer): Buffer {
    const now = this.clock.now();
    const reports = this.kept[extent];
    const kept = reports.get(view);
    if (kept && kept.revision === revision && now < kept.until) return kept.octets;
    const octets = serialise();
    if (kept) this.drop(reports, view, kept);
    if (this.octets + octets.length > MAX_OCTETS) this.clear();
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

  private drop(reports: Map<View, Kept>, view: View, { octets }: Kept): void {
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
