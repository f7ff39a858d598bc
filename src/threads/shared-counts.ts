import { createHmac } from 'node:crypto';
import type { AddressCounts, ConnectionCounts, LimitedCount } from '../server/connection-counts.js';
import type { ConnectionSocket } from '../server/sockets/connection-socket.js';
import { PerAddress } from '../server/sockets/per-address.js';

/** Number of slots in which an address may be counted. */
const WAYS = 32;
/** Words per slot: two for the hash of the address, and one for the count. */
const SLOT_WORDS = 3;

/** Memory for the counts that the threads of a service share. It is passed to each of them. */
export interface CountsMemory {
  readonly id: BigInt64Array;
  /** Open connections, and connections in a handshake. The first word is the sum, followed by one word per thread. */
  readonly connections: Int32Array;
  readonly handshakes: Int32Array;
  /**
   * One table of counts per address for each thread, which only that thread writes. Empty if there is only one thread.
   */
  readonly tables: readonly Int32Array[];
  /** Random, so that clients cannot choose addresses with equal hashes. */
  readonly key: string;
}

/** @param maxConnections the tables have four slots per connection, so that a set of slots is almost never full. */
export function countsMemory(threads: number, maxConnections: number, key: string): CountsMemory {
  const ints = (length: number) => new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));
  const sets = 2 ** Math.ceil(Math.log2(Math.max(1, (maxConnections * 4) / WAYS)));
  return {
    id: new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)),
    connections: ints(threads + 1),
    handshakes: ints(threads + 1),
    tables: threads === 1 ? [] : Array.from({ length: threads }, () => ints(sets * WAYS * SLOT_WORDS)),
    key,
  };
}

/** Removes the counts of the thread with this index, whose connections have ended with it. */
export function forgetThread({ connections, handshakes, tables }: CountsMemory, index: number): void {
  for (const counts of [connections, handshakes]) Atomics.sub(counts, 0, Atomics.exchange(counts, index + 1, 0));
  tables[index]?.fill(0);
}

class SharedCount implements LimitedCount {
  constructor(
    private readonly counts: Int32Array,
    private readonly index: number,
  ) {}

  reserve(limit: number): boolean {
    if (Atomics.add(this.counts, 0, 1) >= limit) {
      Atomics.sub(this.counts, 0, 1);
      return false;
    }
    Atomics.add(this.counts, this.index + 1, 1);
    return true;
  }

  release(): void {
    Atomics.sub(this.counts, this.index + 1, 1);
    Atomics.sub(this.counts, 0, 1);
  }
}

/** The counts as seen by one of several threads. */
export class SharedCounts implements ConnectionCounts {
  readonly connections: LimitedCount;
  readonly handshakes: LimitedCount;
  private addresses: SharedPerAddress | undefined;

  constructor(
    private readonly memory: CountsMemory,
    private readonly index: number,
  ) {
    this.connections = new SharedCount(memory.connections, index);
    this.handshakes = new SharedCount(memory.handshakes, index);
  }

  nextId(): number {
    return Number(Atomics.add(this.memory.id, 0, 1n)) + 1;
  }

  perAddress(): AddressCounts {
    const { tables, key } = this.memory;
    if (tables.length === 0) return new PerAddress();
    this.addresses?.end();
    this.addresses = new SharedPerAddress(tables, this.index, key);
    return this.addresses;
  }
}

/**
 * Counts connections per address, in one table per thread. A thread writes its own table and reads the others, so no
 * lock is needed. An address is identified by a 64-bit hash. If two threads accept connections from an address that is
 * at its limit at the same time, both may reject their connection. A reload that raises the maximum number of
 * connections does not enlarge the tables.
 */
class SharedPerAddress implements AddressCounts {
  private readonly own: Int32Array;
  /** Counts connections for which the table has no free slot. */
  private readonly overflow = new PerAddress();
  private isEnded = false;

  constructor(
    private readonly tables: readonly Int32Array[],
    index: number,
    private readonly key: string,
  ) {
    this.own = tables[index] as Int32Array;
    this.own.fill(0);
  }

  reserve(socket: Pick<ConnectionSocket, 'once'>, address: string, limit: number): boolean {
    const hash = createHmac('sha256', this.key).update(address).digest();
    const [high, low] = [hash.readInt32LE(0), hash.readInt32LE(4)];
    const set = (hash.readUInt32LE(8) % (this.own.length / WAYS / SLOT_WORDS)) * WAYS * SLOT_WORDS;
    const slot = find(this.own, set, high, low) ?? claim(this.own, set, high, low);
    // All slots are in use by other addresses, so the address is counted on this thread only.
    if (slot === undefined) return this.overflow.reserve(socket, address, limit);
    Atomics.add(this.own, slot + 2, 1);
    const total = this.tables.reduce((sum, table) => sum + countOf(table, set, high, low), 0);
    if (total > limit) {
      Atomics.sub(this.own, slot + 2, 1);
      return false;
    }
    socket.once('close', () => {
      if (!this.isEnded) Atomics.sub(this.own, slot + 2, 1);
    });
    return true;
  }

  /** Stops writing to the table, because a successor counts in it from zero. */
  end(): void {
    this.isEnded = true;
  }
}

function find(table: Int32Array, set: number, high: number, low: number): number | undefined {
  for (let slot = set; slot < set + WAYS * SLOT_WORDS; slot += SLOT_WORDS) {
    if (Atomics.load(table, slot) === high && Atomics.load(table, slot + 1) === low) return slot;
  }
  return undefined;
}

/** Takes a slot that counts no connections. */
function claim(table: Int32Array, set: number, high: number, low: number): number | undefined {
  for (let slot = set; slot < set + WAYS * SLOT_WORDS; slot += SLOT_WORDS) {
    if (Atomics.load(table, slot + 2) > 0) continue;
    Atomics.store(table, slot, high);
    Atomics.store(table, slot + 1, low);
    return slot;
  }
  return undefined;
}

function countOf(table: Int32Array, set: number, high: number, low: number): number {
  const slot = find(table, set, high, low);
  return slot === undefined ? 0 : Atomics.load(table, slot + 2);
}
