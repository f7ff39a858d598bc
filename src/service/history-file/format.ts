import { crc32 } from 'node:zlib';
import { MINUTE_MS, type Slot, stateOrder } from '../../health/history/slot.js';
import { durationCode, durationOf } from '../../health/history/slot-ring.js';

/*
 * A file is a header and records. Integers are little-endian; a varint has 7 bits a byte, the lowest first.
 *
 *   header   8 bytes "ponghist", u32 version, u32 CRC-32 of these 12 bytes
 *   record   u32 length of the body, u32 CRC-32 of the body, u32 CRC-32 of these 8 bytes, body
 *   body     1, varint first id, then keys: varint length and UTF-8
 *            2, u32 minute since 1970, then slots: varint id of the key, slot
 *   slot     u8 flags; u16 known time unless FULL; u16 unhealthy time if UNHEALTHY; varint runs if RUNS; varint failures
 *            if FAILURES; three duration codes of u16 (min, mean, max) if DURATIONS
 *
 * Keys have the ids 0, 1, 2 and so on, in the order of the file; minutes can have any order.
 */

const MAGIC = Buffer.from('ponghist');
const VERSION = 1;
const HEADER_BYTES = 16;
const RECORD_HEADER_BYTES = 12;
const KEYS = 1;
const MINUTE = 2;
/** Maximum length of a key in bytes. Longer keys are not written. */
const MAX_KEY_BYTES = 512;
/** Maximum size of a slot with its id, and of a length. */
const MAX_SLOT_BYTES = 22;
const MAX_VARINT_BYTES = 5;

/** Flags of a slot. The lowest three bits are the worst state: its position in `stateOrder` plus 1, or 0. */
const WORST = 7;
const FULL = 8;
const UNHEALTHY = 16;
const RUNS = 32;
const FAILURES = 64;
const DURATIONS = 128;

/** The slots of one minute, by key. Minutes are counted from 1970. */
export interface StoredMinute {
  readonly minute: number;
  readonly slots: readonly (readonly [key: string, slot: Slot])[];
}

/**
 * What is wrong with a file. `torn`: the end of the last record is missing, for example because the process was killed
 * while writing. `broken`: anything else, with a description.
 */
export type Damage = 'torn' | { readonly broken: string };

/** Encodes records. A key gets its id when it is first written. */
export class HistoryEncoder {
  private readonly ids = new Map<string, number>();

  /** The beginning of a file. */
  header(): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(header);
    header.writeUInt32LE(VERSION, 8);
    header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
    return header;
  }

  /** Returns a record with the keys that have no id yet, or an empty buffer if all keys have one. */
  keys(keys: Iterable<string>): Buffer {
    const firstId = this.ids.size;
    const added: Buffer[] = [];
    let size = 1 + MAX_VARINT_BYTES;
    for (const key of keys) {
      const bytes = Buffer.from(key);
      if (this.ids.has(key) || bytes.length > MAX_KEY_BYTES) continue;
      this.ids.set(key, this.ids.size);
      added.push(bytes);
      size += MAX_VARINT_BYTES + bytes.length;
    }
    if (added.length === 0) return Buffer.alloc(0);
    const writer = new Writer(size);
    writer.u8(KEYS).varint(firstId);
    for (const bytes of added) writer.varint(bytes.length).bytes(bytes);
    return writer.record();
  }

  /** Returns a record with the slots of a minute, preceded by a record with its new keys, if there are any. */
  minute({ minute, slots }: StoredMinute): Buffer {
    const keys = this.keys(slots.map(([key]) => key));
    const writer = new Writer(5 + slots.length * MAX_SLOT_BYTES);
    writer.u8(MINUTE).u32(minute);
    for (const [key, slot] of slots) {
      const id = this.ids.get(key);
      if (id !== undefined) writeSlot(writer.varint(id), slot);
    }
    return Buffer.concat([keys, writer.record()]);
  }
}

/** Yields the minutes of a file up to its end or to the first damage. Returns the damage, if there is any. */
export function* decodeHistory(file: Buffer): Generator<StoredMinute, Damage | undefined> {
  const header = file.subarray(0, HEADER_BYTES);
  if (header.length < HEADER_BYTES || !header.subarray(0, 8).equals(MAGIC))
    return { broken: 'it is not a history file' };
  if (header.readUInt32LE(12) !== crc32(header.subarray(0, 12))) return { broken: 'its header is damaged' };
  const version = header.readUInt32LE(8);
  if (version !== VERSION) return { broken: `its version is ${version}; supported: ${VERSION}` };
  const keys: string[] = [];
  for (let at = HEADER_BYTES; at < file.length; ) {
    const record = file.subarray(at, at + RECORD_HEADER_BYTES);
    // After a power failure, a file may end with zeros.
    if (record.length < RECORD_HEADER_BYTES || isZero(file.subarray(at))) return 'torn';
    if (record.readUInt32LE(8) !== crc32(record.subarray(0, 8))) return { broken: `it is damaged at byte ${at}` };
    const start = at + RECORD_HEADER_BYTES;
    const end = start + record.readUInt32LE(0);
    const body = file.subarray(start, end);
    if (end > file.length) return 'torn';
    if (record.readUInt32LE(4) !== crc32(body)) {
      return end === file.length ? 'torn' : { broken: `it is damaged at byte ${at}` };
    }
    const minute = decodeBody(body, keys);
    if (minute === undefined) return { broken: `the record at byte ${at} is invalid` };
    if (minute !== 'keys') yield minute;
    at = end;
  }
  return undefined;
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Returns undefined if the body is invalid. */
function decodeBody(body: Buffer, keys: string[]): StoredMinute | 'keys' | undefined {
  try {
    const reader = new Reader(body);
    const type = reader.u8();
    if (type === KEYS) {
      if (reader.varint() !== keys.length) return undefined;
      while (!reader.isAtEnd) keys.push(reader.text(reader.varint()));
      return 'keys';
    }
    if (type !== MINUTE) return undefined;
    const minute = reader.u32();
    const slots: [string, Slot][] = [];
    while (!reader.isAtEnd) {
      const key = keys[reader.varint()];
      const slot = readSlot(reader);
      if (key === undefined || slot === undefined) return undefined;
      slots.push([key, slot]);
    }
    return { minute, slots };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function writeSlot(writer: Writer, slot: Slot): void {
  const { worst, knownMs, unhealthyMs, runs, failures, minMs, meanMs, maxMs } = slot;
  writer.u8(
    (worst === undefined ? 0 : stateOrder.indexOf(worst) + 1) |
      (knownMs === MINUTE_MS ? FULL : 0) |
      (unhealthyMs > 0 ? UNHEALTHY : 0) |
      (runs > 0 ? RUNS : 0) |
      (failures > 0 ? FAILURES : 0) |
      (meanMs === undefined ? 0 : DURATIONS),
  );
  if (knownMs !== MINUTE_MS) writer.u16(knownMs);
  if (unhealthyMs > 0) writer.u16(unhealthyMs);
  if (runs > 0) writer.varint(runs);
  if (failures > 0) writer.varint(failures);
  if (meanMs !== undefined) for (const ms of [minMs, meanMs, maxMs]) writer.u16(durationCode(ms));
}

/** Returns undefined if the slot is invalid. */
function readSlot(reader: Reader): Slot | undefined {
  const flags = reader.u8();
  const worst = stateOrder[(flags & WORST) - 1];
  const knownMs = flags & FULL ? MINUTE_MS : reader.u16();
  const unhealthyMs = flags & UNHEALTHY ? reader.u16() : 0;
  const runs = flags & RUNS ? reader.varint() : 0;
  const failures = flags & FAILURES ? reader.varint() : 0;
  const duration = () => (flags & DURATIONS ? durationOf(reader.u16()) : undefined);
  const [minMs, meanMs, maxMs] = [duration(), duration(), duration()];
  if (knownMs > MINUTE_MS || unhealthyMs > knownMs || failures > runs) return undefined;
  return { knownMs, unhealthyMs, worst, runs, failures, minMs, meanMs, maxMs };
}

class Writer {
  private readonly buffer: Buffer;
  private at = RECORD_HEADER_BYTES;

  /** @param maxBytes maximum size of the body */
  constructor(maxBytes: number) {
    this.buffer = Buffer.allocUnsafe(RECORD_HEADER_BYTES + maxBytes);
  }

  u8(value: number): this {
    this.at = this.buffer.writeUInt8(value, this.at);
    return this;
  }

  u16(value: number): this {
    this.at = this.buffer.writeUInt16LE(value, this.at);
    return this;
  }

  u32(value: number): this {
    this.at = this.buffer.writeUInt32LE(value, this.at);
    return this;
  }

  varint(value: number): this {
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.u8((rest & 0x7f) | 0x80);
    return this.u8(rest);
  }

  bytes(bytes: Buffer): this {
    this.at += bytes.copy(this.buffer, this.at);
    return this;
  }

  /** Returns a record whose body is the written bytes. */
  record(): Buffer {
    const { buffer, at } = this;
    const body = buffer.subarray(RECORD_HEADER_BYTES, at);
    buffer.writeUInt32LE(body.length, 0);
    buffer.writeUInt32LE(crc32(body), 4);
    buffer.writeUInt32LE(crc32(buffer.subarray(0, 8)), 8);
    return buffer.subarray(0, at);
  }
}

/** Throws a RangeError when reading past the end. */
class Reader {
  private at = 0;

  constructor(private readonly body: Buffer) {}

  get isAtEnd(): boolean {
    return this.at === this.body.length;
  }

  u8(): number {
    return this.body.readUInt8(this.advance(1));
  }

  u16(): number {
    return this.body.readUInt16LE(this.advance(2));
  }

  u32(): number {
    return this.body.readUInt32LE(this.advance(4));
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a varint of more than 5 bytes');
  }

  text(bytes: number): string {
    const start = this.advance(bytes);
    if (this.at > this.body.length) throw new RangeError('a key beyond the end');
    return this.body.toString('utf8', start, this.at);
  }

  private advance(bytes: number): number {
    const start = this.at;
    this.at += bytes;
    return start;
  }
}
