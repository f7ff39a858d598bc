import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { Live } from '../../src/http/status-page/live.js';
import type { Parts } from '../../src/http/status-page/parts.js';
import { Turns } from '../../src/http/turns.js';
import { FakeClock } from '../fake-clock.js';
import { until } from './until.js';

/** A response whose reader is controlled by the test. */
class Reader extends EventEmitter {
  reads = true;
  destroyed = false;
  /** Numbers of the renderings that the reader has received. */
  readonly got: string[] = [];

  write(text: Buffer): boolean {
    this.got.push(JSON.parse(text.toString().slice('data: '.length)).parts.number);
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

/** Runs each job immediately. */
const immediate = { run: (job: () => void) => job() } as Turns;

function watched(turns = immediate) {
  const clock = new FakeClock();
  let made = 0;
  const live = new Live(clock, turns, () => ({ number: String(++made) }));
  const reader = new Reader();
  live.add(reader as unknown as ServerResponse, () => true);
  return { clock, live, reader };
}

describe('a live status page', () => {
  it('receives an update immediately, then every 2 s', async () => {
    const { clock, reader } = watched();
    await clock.advance(4000);
    expect(reader.got).toEqual(['1', '2', '3']);
  });

  it('receives a change soon, and several simultaneous changes as one', async () => {
    const { clock, live, reader } = watched();
    for (let i = 0; i < 10; i++) live.changed();
    await clock.advance(50);
    expect(reader.got).toHaveLength(2);
  });

  it('skips clients that have not read, and sends them the latest update afterwards', async () => {
    const { clock, reader } = watched();
    reader.reads = false;
    await clock.advance(8000);
    expect(reader.got).toEqual(['1', '2']);
    reader.reads = true;
    reader.emit('drain');
    await clock.advance(2000);
    expect(reader.got[2]).toBe('6');
  });

  it('closes a stream that is not read for 30 s', async () => {
    const { clock, reader } = watched();
    reader.reads = false;
    await clock.advance(32_000);
    expect(reader.destroyed).toBe(false);
    await clock.advance(4000);
    expect(reader.destroyed).toBe(true);
  });

  it('disconnects its viewer if it cannot be rendered', async () => {
    const errors: unknown[] = [];
    const render = () => {
      throw new RangeError('Invalid time value');
    };
    const live = new Live(new FakeClock(), immediate, render, undefined, (error) => errors.push(error));
    const reader = new Reader();
    live.add(reader as unknown as ServerResponse, () => true);
    expect(errors).toEqual([new RangeError('Invalid time value')]);
    expect(reader.destroyed).toBe(true);
  });

  it('does no work without viewers', async () => {
    const { clock, live, reader } = watched();
    reader.end();
    live.changed();
    await clock.advance(60_000);
    expect(reader.got).toHaveLength(1);
  });

  it('accepts a hundred viewers, and closes the oldest one for another', () => {
    const { live, reader } = watched();
    const others = Array.from({ length: 99 }, () => new Reader());
    for (const other of others) live.add(other as unknown as ServerResponse, () => false);
    expect(reader.destroyed).toBe(false);
    const late = new Reader();
    live.add(late as unknown as ServerResponse, () => false);
    expect([reader.destroyed, late.got.length]).toEqual([true, 1]);
    expect(others.some(({ destroyed }) => destroyed)).toBe(false);
  });

  it('closes a viewer that does not read before the oldest one', () => {
    const { live, reader } = watched();
    const stuck = new Reader();
    stuck.reads = false;
    for (let i = 1; i < 50; i++) live.add(new Reader() as unknown as ServerResponse, () => false);
    live.add(stuck as unknown as ServerResponse, () => false);
    for (let i = 51; i < 101; i++) live.add(new Reader() as unknown as ServerResponse, () => false);
    expect([reader.destroyed, stuck.destroyed]).toEqual([false, true]);
  });

  it('accepts no viewer that has already disconnected', async () => {
    const { clock, live, reader } = watched();
    reader.end();
    const gone = new Reader();
    gone.destroyed = true;
    live.add(gone as unknown as ServerResponse, () => true);
    await clock.advance(4000);
    expect([gone.got, clock.timers]).toEqual([[], 0]);
  });

  it('renders a message once for all viewers, and at most four times a second', async () => {
    const { clock, live, reader } = watched();
    const other = new Reader();
    live.add(other as unknown as ServerResponse, () => true);
    expect(other.got).toEqual(reader.got);
    live.changed();
    await clock.advance(50);
    live.changed();
    await clock.advance(249);
    expect(reader.got).toHaveLength(2);
    await clock.advance(1);
    expect(reader.got).toHaveLength(3);
  });

  it('writes to a bounded number of viewers per turn of the event loop', async () => {
    const { clock, live, reader } = watched(new Turns());
    const viewers = [reader, ...Array.from({ length: 99 }, () => new Reader())];
    for (const viewer of viewers.slice(1)) live.add(viewer as unknown as ServerResponse, () => true);
    expect(viewers.every(({ got }) => got.length === 0)).toBe(true);
    for (const messages of [1, 2]) {
      let written = 0;
      const perTurn: number[] = [];
      await until(() => {
        const total = viewers.filter(({ got }) => got.length === messages).length;
        perTurn.push(total - written);
        written = total;
        return total === viewers.length;
      });
      expect(Math.max(...perTurn)).toBeLessThanOrEqual(32);
      await clock.advance(2000);
    }
    expect(new Set(viewers.map(({ got }) => got[1]))).toEqual(new Set(['2']));
  });

  it('receives what has changed since its last message, and everything for another view', async () => {
    const clock = new FakeClock();
    const pages: Record<string, Parts> = { a: { one: '1', two: '2' }, b: { one: '3' } };
    const live = new Live(clock, immediate, (view) => pages[view] as Parts);
    const sent: Parts[][] = [[], [], []];
    const viewers = ['a', 'a', 'b'].map((view, index) => {
      const reader = new Reader();
      reader.write = (text) => {
        sent[index]?.push(JSON.parse(text.toString().slice('data: '.length)).parts);
        return reader.reads;
      };
      live.add(reader as unknown as ServerResponse, () => true, view);
      return reader;
    });
    const slow = viewers[1] as Reader;
    slow.reads = false;
    await clock.advance(2000);
    pages.a = { one: '1', two: 'new' };
    await clock.advance(2000);
    pages.a = { one: '1', two: 'new', three: '3' };
    await clock.advance(2000);
    slow.reads = true;
    slow.emit('drain');
    await clock.advance(2000);
    expect(sent).toEqual([
      [{ one: '1', two: '2' }, {}, { two: 'new' }, { three: '3' }, {}],
      [{ one: '1', two: '2' }, {}, { two: 'new', three: '3' }],
      [{ one: '3' }, {}, {}, {}, {}],
    ]);
  });

  it('sends everything to a viewer that gains access to detail', async () => {
    const clock = new FakeClock();
    const live = new Live(clock, immediate, (_view, detail) => ({ number: detail ? 'detail' : 'bare' }));
    const reader = new Reader();
    let seesDetail = false;
    live.add(reader as unknown as ServerResponse, () => seesDetail);
    seesDetail = true;
    await clock.advance(2000);
    expect(reader.got).toEqual(['bare', 'detail']);
  });
});
