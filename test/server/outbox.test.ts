import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Outbox } from '../../src/server/connection/outbox.js';

/** An outbox, and what it hands over in each write. */
function opened() {
  const writes: Buffer[][] = [];
  const socket = new Writable({
    write: (chunk, _encoding, done) => {
      writes.push([chunk]);
      done();
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => chunk));
      done();
    },
  });
  return { outbox: new Outbox(socket as Socket, 0), writes };
}

const octets = (writes: Buffer[][]) => writes.map((parts) => Buffer.concat(parts).toString());

describe('an outbox', () => {
  it('writes all of a turn in one write, and a large buffer as it is', () => {
    const { outbox, writes } = opened();
    const report = Buffer.alloc(2000, 'r');
    for (const part of ['a', 'b']) outbox.add(Buffer.from(part));
    outbox.add(report);
    outbox.add(Buffer.from('c'));
    outbox.add(report);
    expect(outbox.write(1)).toBe(4003);
    expect(octets(writes)).toEqual([`ab${report}c${report}`]);
    expect(writes[0]?.[1]).toBe(report);
    expect(writes[0]?.[3]).toBe(report);
    expect([outbox.gathered, outbox.write(2)]).toEqual([0, 0]);
  });

  it('concatenates small buffers', () => {
    const { outbox, writes } = opened();
    for (let each = 0; each < 1000; each++) outbox.add(Buffer.from(`${each % 10}`));
    outbox.write(1);
    expect(octets(writes)).toEqual(['0123456789'.repeat(100)]);
    expect(writes[0]).toHaveLength(1);
  });

  it('writes a single buffer without a copy', () => {
    const { outbox, writes } = opened();
    const only = Buffer.from('x');
    outbox.add(only);
    outbox.write(1);
    expect(writes[0]?.[0]).toBe(only);
  });
});
