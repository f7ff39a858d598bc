import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { Live } from '../../src/http/live.js';
import { FakeClock } from '../fake-clock.js';

/** A response whose reader a test decides. */
class Reader extends EventEmitter {
  reads = true;
  destroyed = false;
  readonly got: string[] = [];

  write(text: string): boolean {
    this.got.push(text);
    return this.reads;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }

  end(): void {
    this.emit('close');
  }
}

function watched() {
  const clock = new FakeClock();
  let made = 0;
  const live = new Live(clock, () => String(++made));
  const reader = new Reader();
  live.add(reader as unknown as ServerResponse, () => true);
  return { clock, live, reader };
}

describe('a live page', () => {
  it('is told at once, then every 2 s', async () => {
    const { clock, reader } = watched();
    await clock.advance(4000);
    expect(reader.got).toEqual(['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']);
  });

  it('is told of a change soon, and of many at once only once', async () => {
    const { clock, live, reader } = watched();
    for (let i = 0; i < 10; i++) live.changed();
    await clock.advance(50);
    expect(reader.got).toHaveLength(2);
  });

  it('leaves out who has not read, and gives the latest afterwards', async () => {
    const { clock, reader } = watched();
    reader.reads = false;
    await clock.advance(8000);
    expect(reader.got).toEqual(['data: 1\n\n', 'data: 2\n\n']);
    reader.reads = true;
    reader.emit('drain');
    await clock.advance(2000);
    expect(reader.got[2]).toBe('data: 6\n\n');
  });

  it('drops who does not read for 30 s', async () => {
    const { clock, reader } = watched();
    reader.reads = false;
    await clock.advance(32_000);
    expect(reader.destroyed).toBe(false);
    await clock.advance(4000);
    expect(reader.destroyed).toBe(true);
  });

  it('costs nothing while nobody looks', async () => {
    const { clock, live, reader } = watched();
    reader.end();
    live.changed();
    await clock.advance(60_000);
    expect(reader.got).toHaveLength(1);
  });

  it('takes a hundred viewers', () => {
    const { live } = watched();
    for (let i = 1; i < 100; i++) live.add(new Reader() as unknown as ServerResponse, () => false);
    expect(live.isFull).toBe(true);
  });
});
