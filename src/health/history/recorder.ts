import { type Clock, systemClock, type Timer } from '../../common/clock.js';
import type { State } from '../state.js';
import { MINUTE_MS, OpenSlot, type Slot } from './slot.js';
import { SLOT_BYTES, SlotRing } from './slot-ring.js';

/** Maximum number of slots per series: 24 hours. */
export const MAX_SLOTS = 1440;
/** Default of `maxBytes`. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Interval at which monotonic and wall-clock time are compared, in milliseconds. */
const SYNC_INTERVAL_MS = 10_000;
/** If the last comparison is longer ago, this process was stopped or its event loop was blocked. */
const MAX_SYNC_GAP_MS = 3 * SYNC_INTERVAL_MS;
/**
 * Minimum step of the wall clock, in milliseconds: a larger difference between wall-clock and monotonic time since the
 * last comparison.
 */
const MIN_STEP_MS = 100;

/** The history of a check, a group or another responder. Each call returns current data. */
export interface Series {
  /**
   * Returns `count` minutes, at most 1441, oldest first. The last one is the current minute, which is incomplete.
   * Undefined means no data, including minutes that are no longer kept.
   */
  slots(count: number): readonly (Slot | undefined)[];
  /**
   * Healthy time divided by known time, 0 to 1, in the slots that `slots` returns for the last `ms` milliseconds.
   * Undefined if there is no known time.
   */
  availability(ms: number): number | undefined;
}

export interface HistoryRecorderOptions {
  /** @default systemClock */
  readonly clock?: Clock;
  /**
   * Maximum memory for the slots of all series, in bytes. If 24 hours of all series do not fit, all series keep less:
   * 12 hours, 6 hours, and so on.
   * @default 16777216
   */
  readonly maxBytes?: number;
}

/** Key of a check's series. */
export function checkKey(name: string): string {
  return `check:${name}`;
}

/** Key of a group's series. */
export function groupKey(name: string): string {
  return `group:${name}`;
}

/**
 * Records the last 24 hours, with one slot per minute for each series. Time is added to a slot when the state changes
 * or the slot is read, so an unchanged state costs nothing.
 *
 * There is no data for the time before the first state, while the state is undefined, while the process does not run or
 * is stopped, while its event loop is blocked for more than 30 s, and for time skipped by a step of the wall clock. If
 * the clock is set back, slots that are then in the future are removed.
 */
export class HistoryRecorder {
  private readonly clock: Clock;
  private readonly maxBytes: number;
  private readonly all = new Map<string, RecordedSeries>();
  private capacity = MAX_SLOTS;
  /** Monotonic time of the last comparison. */
  private now: number;
  /** Wall-clock time minus monotonic time. */
  private offset: number;
  private timer: Timer;

  constructor({ clock = systemClock, maxBytes = MAX_BYTES }: HistoryRecorderOptions = {}) {
    this.clock = clock;
    this.maxBytes = maxBytes;
    this.now = clock.now();
    this.offset = clock.wall() - this.now;
  }

  /** Wall-clock time at which the current minute began, in milliseconds since 1970. */
  get minute(): number {
    this.sync();
    return minuteOf(this.now + this.offset) * MINUTE_MS;
  }

  /** Keys of all series. */
  get keys(): readonly string[] {
    return [...this.all.keys()];
  }

  /** Sets the current state of a series; undefined: unknown. */
  setState(key: string, state: State | undefined): void {
    let series = this.all.get(key);
    if (series?.state === state) return;
    this.sync();
    series ??= this.add(key);
    series.setState(state, this.now, this.offset);
  }

  /**
   * Records that a run has ended.
   *
   * @param failed whether its result is fail or unknown.
   * @param durationMs undefined if no run was possible.
   */
  addRun(key: string, failed: boolean, durationMs: number | undefined): void {
    this.sync();
    const series = this.all.get(key) ?? this.add(key);
    series.addRun(failed, durationMs, this.now, this.offset);
  }

  /**
   * Corrects the recorded state of a series for a time in the past. Has no effect if nothing was recorded under this
   * key.
   *
   * @param from, to wall-clock times in milliseconds since 1970.
   * @param state must not be pass or warn.
   */
  correct(key: string, from: number, to: number, state: State): void {
    this.sync();
    const series = this.all.get(key);
    series?.accountTo(this.now, this.offset);
    series?.correct(from, to, state, this.now + this.offset);
  }

  remove(key: string): void {
    if (this.all.delete(key)) this.fit(this.all.size);
  }

  /** Returns undefined if nothing was recorded under this key. */
  series(key: string): Series | undefined {
    const series = this.all.get(key);
    if (!series) return undefined;
    const current = () => {
      this.sync();
      series.accountTo(this.now, this.offset);
      return series;
    };
    return {
      slots: (count) => current().slots(count),
      availability: (ms) => current().availability(ms),
    };
  }

  /** The slots of this minute, counted from 1970, by key. The minute may be finished, or be the current one. */
  slotsOf(minute: number): (readonly [key: string, slot: Slot])[] {
    this.sync();
    const slots: (readonly [string, Slot])[] = [];
    for (const [key, series] of this.all) {
      series.accountTo(this.now, this.offset);
      const slot = series.slotOf(minute);
      if (slot) slots.push([key, slot]);
    }
    return slots;
  }

  /**
   * Adds slots that an earlier process recorded for a minute, counted from 1970. Minutes that are too old or in the
   * future are ignored.
   */
  restore(minute: number, slots: Iterable<readonly [key: string, slot: Slot]>): void {
    this.sync();
    for (const [key, slot] of slots) {
      const series = this.all.get(key) ?? this.add(key);
      series.accountTo(this.now, this.offset);
      series.restore(minute, slot);
    }
  }

  /** Stops the timer. Keeps all data. */
  close(): void {
    this.clock.clear(this.timer);
    this.timer = undefined;
  }

  private add(key: string): RecordedSeries {
    this.fit(this.all.size + 1);
    const series = new RecordedSeries(this.capacity, this.now, minuteOf(this.now + this.offset));
    this.all.set(key, series);
    this.timer ??= this.clock.after(SYNC_INTERVAL_MS, this.tick);
    return series;
  }

  /** Halves the number of slots per series until this number of series fits. */
  private fit(count: number): void {
    let capacity = MAX_SLOTS;
    while (capacity > 1 && count * capacity * SLOT_BYTES > this.maxBytes) capacity >>= 1;
    if (capacity === this.capacity) return;
    this.capacity = capacity;
    for (const series of this.all.values()) series.resize(capacity);
  }

  private readonly tick = (): void => {
    this.sync();
    this.timer = this.clock.after(SYNC_INTERVAL_MS, this.tick);
  };

  private sync(): void {
    const { clock, now: before } = this;
    const now = clock.now();
    const offset = clock.wall() - now;
    const isGap = now - before > MAX_SYNC_GAP_MS;
    if (isGap || Math.abs(offset - this.offset) > MIN_STEP_MS) {
      for (const series of this.all.values()) {
        series.accountTo(before, this.offset);
        if (isGap) series.skipTo(now);
      }
      this.offset = offset;
    }
    this.now = now;
  }
}

/** A series. Times are in monotonic milliseconds; adding `offset` yields wall-clock time. */
class RecordedSeries {
  state: State | undefined;
  private ring: SlotRing;
  private open = new OpenSlot();

  constructor(
    capacity: number,
    /** Time up to which the slots are complete. */
    private accountedTo: number,
    /** The current minute, counted from 1970. */
    private minute: number,
  ) {
    this.ring = new SlotRing(capacity);
  }

  setState(state: State | undefined, now: number, offset: number): void {
    this.accountTo(now, offset);
    this.state = state;
    if (state !== undefined) this.open.see(state);
  }

  addRun(failed: boolean, durationMs: number | undefined, now: number, offset: number): void {
    this.accountTo(now, offset);
    this.open.addRun(failed, durationMs);
  }

  /** Adds the time until `now` to the slots, in the current state. */
  accountTo(now: number, offset: number): void {
    const end = now + offset;
    // Earlier time would not fit into the ring.
    let at = Math.max(this.accountedTo + offset, end - this.ring.capacity * MINUTE_MS);
    while (at < end) {
      const minute = minuteOf(at);
      const next = Math.min(end, (minute + 1) * MINUTE_MS);
      this.moveTo(minute);
      if (this.state !== undefined) this.open.addTime(next - at, this.state);
      at = next;
    }
    this.moveTo(minuteOf(end));
    this.accountedTo = now;
  }

  /** Marks the time until `now` as unknown. */
  skipTo(now: number): void {
    this.accountedTo = now;
  }

  resize(capacity: number): void {
    this.ring = this.ring.resized(capacity);
  }

  slots(count: number): (Slot | undefined)[] {
    // Gives the current minute a state even if it has only just begun.
    if (this.state !== undefined) this.open.see(this.state);
    const slots: (Slot | undefined)[] = [];
    const first = this.minute - Math.min(count, MAX_SLOTS + 1) + 1;
    for (let minute = first; minute < this.minute; minute++) slots.push(this.ring.get(minute));
    if (count > 0) slots.push(this.open.snapshot());
    return slots;
  }

  slotOf(minute: number): Slot | undefined {
    return minute === this.minute ? this.open.snapshot() : this.ring.get(minute);
  }

  restore(minute: number, slot: Slot): void {
    if (minute === this.minute) return this.open.add(slot);
    if (minute > this.minute || minute < this.minute - this.ring.capacity) return;
    const whole = this.reopened(minute);
    whole.add(slot);
    this.ring.set(minute, whole);
  }

  correct(from: number, to: number, state: State, wall: number): void {
    const { ring, open } = this;
    const last = Math.min(minuteOf(to), this.minute);
    for (let minute = Math.max(minuteOf(from), this.minute - ring.capacity); minute <= last; minute++) {
      const start = minute * MINUTE_MS;
      const ms = Math.min(to, start + MINUTE_MS) - Math.max(from, start);
      if (minute === this.minute) {
        open.correct(ms, state, wall - start);
      } else {
        const slot = this.reopened(minute);
        slot.correct(ms, state, MINUTE_MS);
        ring.set(minute, slot);
      }
    }
  }

  availability(ms: number): number | undefined {
    const { minute, open, ring } = this;
    const { knownMs, unhealthyMs } = ring.totals(minute - Math.ceil(ms / MINUTE_MS) + 1, minute);
    const known = knownMs + open.knownMs;
    return known > 0 ? (known - unhealthyMs - open.unhealthyMs) / known : undefined;
  }

  private moveTo(minute: number): void {
    if (minute === this.minute) return;
    const { ring, open } = this;
    if (minute > this.minute) {
      if (!open.isEmpty) ring.set(this.minute, open);
      this.open = new OpenSlot();
    } else {
      // The clock was set back.
      this.open = this.reopened(minute);
      ring.removeFrom(minute);
    }
    this.minute = minute;
  }

  /** Opens a finished minute again. */
  private reopened(minute: number): OpenSlot {
    const open = new OpenSlot();
    const slot = this.ring.get(minute);
    if (slot) open.add(slot);
    return open;
  }
}

function minuteOf(wall: number): number {
  return Math.floor(wall / MINUTE_MS);
}
