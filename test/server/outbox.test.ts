import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Outbox } from '../../src/server/connection/outbox.js';

/**
 * An outbox, and the buffers that it passes on in each write. `isAccepted`: whether the kernel accepts each write
 * immediately.
 */
function opened({ isAccepted = true } = {}) {
  const writes: Buffer[][] = [];
  const socket = new Writable({
    write: (chunk, _encoding, done) => {
      writes.push([chunk]);
      if (isAccepted) done();
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => chunk));
      done();
    },
  });
  return { outbox: new Outbox(socket as Socket, 0), socket, writes };
}

const octets = (writes: Buffer[][]) => writes.map((parts) => Buffer.concat(parts).toString());

describe('an outbox', () => {
  it('writes everything of a turn in one write, and a large buffer without a copy', () => {
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

  const send = ({ outbox }: { outbox: Outbox }, text: string) => {
    outbox.add(outbox.copy(Buffer.from(text)));
    outbox.write(1);
  };

  it('copies into the same buffer when the kernel has accepted the previous copy', () => {
    const connections = [opened(), opened()] as const;
    for (const [index, connection] of connections.entries()) send(connection, `copy ${index}`);
    const [first, second] = connections.map(({ writes }) => writes[0]?.[0]);
    expect(second?.buffer).toBe(first?.buffer);
    expect(second?.toString()).toBe('copy 1');
  });

  it('keeps a copy that the kernel has not accepted, that is not written yet, or that TLS encrypts', () => {
    const [slow, tls, gathering, dropped] = [opened({ isAccepted: false }), opened(), opened(), opened()] as const;
    Object.assign(tls.socket, { encrypted: true });
    send(slow, 'slow');
    send(slow, 'behind it');
    send(tls, 'tls');
    gathering.outbox.add(gathering.outbox.copy(Buffer.from('one, ')));
    gathering.outbox.add(gathering.outbox.copy(Buffer.from('two')));
    dropped.socket.destroy();
    for (let each = 0; each < 3; each++) {
      send(opened(), 'another');
      send(dropped, 'dropped');
    }
    gathering.outbox.write(1);
    expect(octets(slow.writes)).toEqual(['slow']);
    expect(octets(tls.writes)).toEqual(['tls']);
    expect(octets(gathering.writes)).toEqual(['one, two']);
    expect(dropped.writes).toEqual([]);
  });
});
