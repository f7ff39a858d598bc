const FIELDS = [
  'tickedAt',
  'watchedSelections',
  'stalled',
  'longestStall',
  'readinessStalls',
  'livenessStalls',
] as const;

/** Values of one thread in shared memory, which the main thread can read at any time. */
export class ThreadStats {
  static readonly length = FIELDS.length;

  constructor(private readonly values: Float64Array = new Float64Array(ThreadStats.length)) {}

  /** Monotonic time of the thread's last tick, in milliseconds. */
  get tickedAt(): number {
    return this.get('tickedAt');
  }

  set tickedAt(now: number) {
    this.set('tickedAt', now);
  }

  /** Number of distinct `checks` selections with subscribers. */
  get watchedSelections(): number {
    return this.get('watchedSelections');
  }

  set watchedSelections(count: number) {
    this.set('watchedSelections', count);
  }

  /** How long the event loop of the main thread has been blocked, in seconds. */
  get stalled(): number {
    return this.get('stalled');
  }

  set stalled(seconds: number) {
    this.set('stalled', seconds);
    if (seconds > this.longestStall) this.set('longestStall', seconds);
  }

  get longestStall(): number {
    return this.get('longestStall');
  }

  /** Number of stalls that exceeded the readiness limit, and the liveness limit. */
  get stalls(): Readonly<Record<'readiness' | 'liveness', number>> {
    return { readiness: this.get('readinessStalls'), liveness: this.get('livenessStalls') };
  }

  countStall(limit: 'readiness' | 'liveness'): void {
    const field = `${limit}Stalls` as const;
    this.set(field, this.get(field) + 1);
  }

  private get(field: (typeof FIELDS)[number]): number {
    return this.values[FIELDS.indexOf(field)] as number;
  }

  private set(field: (typeof FIELDS)[number], value: number): void {
    this.values[FIELDS.indexOf(field)] = value;
  }
}
