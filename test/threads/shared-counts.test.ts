import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { countsMemory, forgetThread, SharedCounts } from '../../src/threads/shared-counts.js';

function countsOf(threads: number, maxConnections = 1000) {
  const memory = countsMemory(threads, maxConnections, 'key');
  return { memory, counts: Array.from({ length: threads }, (_, index) => new SharedCounts(memory, index)) };
}

const socket = () => new EventEmitter() as Socket;

describe('the counts that threads share', () => {
  it('give each connection another id', () => {
    const { counts } = countsOf(2);
    const ids = [0, 1, 1, 0, 1].map((index) => counts[index]?.nextId());
    expect(ids).toEqual([1, 2, 3, 4, 5]);
  });

  it('have one limit for all connections', () => {
    const [first, second] = countsOf(2).counts as [SharedCounts, SharedCounts];
    expect([
      first.connections.reserve(3),
      second.connections.reserve(3),
      second.connections.reserve(3),
      first.connections.reserve(3),
    ]).toEqual([true, true, true, false]);
    second.connections.release();
    expect([first.connections.reserve(3), second.connections.reserve(3)]).toEqual([true, false]);
  });

  it('forget the connections of a thread that has ended', () => {
    const { memory, counts } = countsOf(2);
    const [first, second] = counts as [SharedCounts, SharedCounts];
    const [a, b] = [first.perAddress(), second.perAddress()];
    for (let i = 0; i < 2; i++) first.connections.reserve(10);
    second.connections.reserve(10);
    for (let i = 0; i < 2; i++) expect(a.reserve(socket(), '192.0.2.1', 3)).toBe(true);
    expect([b.reserve(socket(), '192.0.2.1', 3), b.reserve(socket(), '192.0.2.1', 3)]).toEqual([true, false]);
    forgetThread(memory, 0);
    expect([second.connections.reserve(3), second.connections.reserve(3), second.connections.reserve(3)]).toEqual([
      true,
      true,
      false,
    ]);
    expect([0, 0, 0].map(() => b.reserve(socket(), '192.0.2.1', 3))).toEqual([true, true, false]);
  });

  it('count each address over all threads, until the connections close', () => {
    const [a, b] = countsOf(2).counts.map((counts) => counts.perAddress()) as [
      ReturnType<SharedCounts['perAddress']>,
      ReturnType<SharedCounts['perAddress']>,
    ];
    const open = socket();
    expect(a.reserve(open, '192.0.2.1', 2)).toBe(true);
    expect(b.reserve(socket(), '192.0.2.1', 2)).toBe(true);
    expect([a, b].map((counts) => counts.reserve(socket(), '192.0.2.1', 2))).toEqual([false, false]);
    expect(b.reserve(socket(), '192.0.2.2', 2)).toBe(true);
    open.emit('close');
    expect([b, a].map((counts) => counts.reserve(socket(), '192.0.2.1', 2))).toEqual([true, false]);
  });

  it('limit each address per thread if the tables are full', () => {
    const counts = countsOf(2, 1).counts.map((counts) => counts.perAddress());
    const accepted = counts.map((count) =>
      Array.from({ length: 300 }, (_, i) => count.reserve(socket(), `192.0.2.${i % 100}`, 2)).filter(Boolean),
    );
    expect(accepted[0]).toHaveLength(200);
    expect(accepted[1]?.length).toBeLessThanOrEqual(200);
  });

  it('start from zero after a reload, and ignore sockets that were counted before', () => {
    const [counts] = countsOf(2).counts as [SharedCounts, SharedCounts];
    const before = socket();
    expect(counts.perAddress().reserve(before, '192.0.2.1', 1)).toBe(true);
    const after = counts.perAddress();
    expect(after.reserve(socket(), '192.0.2.1', 1)).toBe(true);
    before.emit('close');
    expect(after.reserve(socket(), '192.0.2.1', 1)).toBe(false);
  });

  it('keep as many addresses as there may be connections, and reuse their slots', () => {
    const [counts] = countsOf(2, 1000).counts as [SharedCounts, SharedCounts];
    const addresses = counts.perAddress();
    for (let round = 0; round < 5; round++) {
      const sockets = Array.from({ length: 1000 }, socket);
      const reserve = (one: Socket, i: number) => addresses.reserve(one, `2001:db8:${round}::${i}`, 1);
      expect(sockets.filter(reserve)).toHaveLength(1000);
      expect(sockets.filter((_, i) => reserve(socket(), i))).toEqual([]);
      for (const one of sockets) one.emit('close');
    }
  });
});
