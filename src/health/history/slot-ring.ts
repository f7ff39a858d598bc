import { type Slot, stateOrder } from './slot.js';

/** Indices of the 16-bit columns of a slot. */
const KNOWN = 0;
const UNHEALTHY = 1;
const RUNS = 2;
const FAILURES = 3;
const MIN = 4;
const MEAN = 5;
const MAX = 6;
const COLUMNS = 7;

/** Memory per slot, in bytes. */
export const SLOT_BYTES = COLUMNS * Uint16Array.BYTES_PER_ELEMENT + Uint8Array.BYTES_PER_ELEMENT;

/** The slots of the last `capacity` minutes. Minutes are counted from 1970. */
export class SlotRing {
  private readonly columns: Uint16Array;
  /** Position of the worst state in `stateOrder` plus 1, or 0 if there is no state. */
  private readonly worst: Uint8Array;
  /** The last minute that is kept. Later minutes are empty. */
  private newest = -1;

  constructor(readonly capacity: number) {
    this.columns = new Uint16Array(capacity * COLUMNS);
    this.worst = new Uint8Array(capacity);
  }

  /** Sets a slot. Ignores minutes that are too old. */
  set(minute: number, slot: Slot): void {
    if (minute > this.newest) this.extendTo(minute);
    if (!this.isKept(minute)) return;
    const at = minute % this.capacity;
    const { columns } = this;
    const column = at * COLUMNS;
    columns[column + KNOWN] = Math.round(slot.knownMs);
    columns[column + UNHEALTHY] = Math.round(slot.unhealthyMs);
    columns[column + RUNS] = slot.runs;
    columns[column + FAILURES] = slot.failures;
    columns[column + MIN] = durationCode(slot.minMs);
    columns[column + MEAN] = durationCode(slot.meanMs);
    columns[column + MAX] = durationCode(slot.maxMs);
    this.worst[at] = slot.worst === undefined ? 0 : stateOrder.indexOf(slot.worst) + 1;
  }

  /** Returns undefined if nothing is known about this minute. */
  get(minute: number): Slot | undefined {
    if (!this.isKept(minute)) return undefined;
    const at = minute % this.capacity;
    const column = at * COLUMNS;
    const value = (of: number) => this.columns[column + of] as number;
    const worst = stateOrder[(this.worst[at] as number) - 1];
    if (worst === undefined && value(RUNS) === 0) return undefined;
    return {
      knownMs: value(KNOWN),
      unhealthyMs: value(UNHEALTHY),
      worst,
      runs: value(RUNS),
      failures: value(FAILURES),
      minMs: durationOf(value(MIN)),
      meanMs: durationOf(value(MEAN)),
      maxMs: durationOf(value(MAX)),
    };
  }

  /** Sums over the minutes from `from` (inclusive) to `to` (exclusive), without creating an object per minute. */
  totals(from: number, to: number): { knownMs: number; unhealthyMs: number } {
    let knownMs = 0;
    let unhealthyMs = 0;
    for (let minute = Math.max(from, this.oldest); minute < Math.min(to, this.newest + 1); minute++) {
      const column = (minute % this.capacity) * COLUMNS;
      knownMs += this.columns[column + KNOWN] as number;
      unhealthyMs += this.columns[column + UNHEALTHY] as number;
    }
    return { knownMs, unhealthyMs };
  }

  /** Removes this minute and all later ones. */
  removeFrom(minute: number): void {
    for (let removed = Math.max(minute, this.oldest); removed <= this.newest; removed++) this.clear(removed);
    this.newest = Math.min(this.newest, minute - 1);
  }

  /** Returns a ring with another capacity that contains the newest slots of this one. */
  resized(capacity: number): SlotRing {
    const ring = new SlotRing(capacity);
    const { newest, oldest } = this;
    for (let minute = Math.max(oldest, newest - capacity + 1); minute <= newest; minute++) {
      const slot = this.get(minute);
      if (slot) ring.set(minute, slot);
    }
    return ring;
  }

  private get oldest(): number {
    return Math.max(0, this.newest - this.capacity + 1);
  }

  private isKept(minute: number): boolean {
    return minute <= this.newest && minute >= this.oldest;
  }

  private extendTo(minute: number): void {
    const first = Math.max(this.newest + 1, minute - this.capacity + 1);
    this.newest = minute;
    for (let added = first; added <= minute; added++) this.clear(added);
  }

  private clear(minute: number): void {
    const at = minute % this.capacity;
    this.columns.fill(0, at * COLUMNS, (at + 1) * COLUMNS);
    this.worst[at] = 0;
  }
}

/** Code for durations that are 0 or close to 0. */
const SHORTEST = 1;
/** About 25 days. */
const MAX_DURATION_MS = 2 ** 31;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Encodes a duration as the upper half of a 32-bit float, rounded. Undefined is encoded as 0. */
export function durationCode(ms: number | undefined): number {
  if (ms === undefined) return 0;
  float[0] = Math.min(Math.max(ms, 0), MAX_DURATION_MS);
  return Math.max(SHORTEST, ((bits[0] as number) + 0x8000) >>> 16);
}

export function durationOf(code: number): number | undefined {
  if (code === 0) return undefined;
  if (code === SHORTEST) return 0;
  bits[0] = code << 16;
  return float[0];
}
