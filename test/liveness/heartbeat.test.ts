import { describe, expect, it } from '@jest/globals';
import { Heartbeat, negotiated } from '../../src/liveness/heartbeat.js';

const noJitter = () => 0;

describe('a heartbeat', () => {
  it('is due after an interval without data received, or without data sent', () => {
    const beat = new Heartbeat({ interval: 1000, maxPingsOut: 3, random: noJitter }, 0);
    beat.received(900);
    expect(beat.due(999)).toBe('nothing');
    expect(beat.due(1000)).toBe('ping');
    beat.sent(950);
    expect(beat.dueAt).toBe(1900);
  });

  it('is due up to a quarter early, never late', () => {
    const due = (random: number) => new Heartbeat({ interval: 1000, maxPingsOut: 0, random: () => random }, 0).dueAt;
    expect(due(0)).toBe(1000);
    expect(due(0.999)).toBeCloseTo(750.25);
  });

  it('declares a silent peer dead when the PING after the last allowed one is due', () => {
    const beat = new Heartbeat({ interval: 1000, maxPingsOut: 3, random: noJitter }, 0);
    const log: string[] = [];
    for (let now = 0; now <= 4000; now += 500) {
      const due = beat.due(now);
      if (due !== 'nothing') log.push(`${due} ${now}`);
      if (due === 'ping') beat.pinged(0, now, now);
    }
    expect(log).toEqual(['ping 1000', 'ping 2000', 'ping 3000', 'dead 4000']);
  });

  it('declares a peer dead only after the whole limit, even if the PINGs were early', () => {
    const beat = new Heartbeat({ interval: 1000, maxPingsOut: 3, random: () => 0.8 }, 0);
    const log: string[] = [];
    for (let now = 0; now <= 4000; now += 100) {
      const due = beat.due(now);
      if (due !== 'nothing') log.push(`${due} ${now}`);
      if (due === 'ping') beat.pinged(0, now, now);
    }
    expect(log).toEqual(['ping 800', 'ping 1600', 'ping 2400', 'dead 4000']);
    expect(beat.dueAt).toBe(beat.limit);
  });

  it('never declares a peer dead with maxPingsOut 0', () => {
    const beat = new Heartbeat({ interval: 10, maxPingsOut: 0, random: noJitter }, 0);
    for (let now = 10; now < 1000; now += 10) {
      expect(beat.due(now)).toBe('ping');
      beat.pinged(0, now, now);
    }
  });

  it('counts any byte as activity, not only a PONG', () => {
    const beat = new Heartbeat({ interval: 1000, maxPingsOut: 1, random: noJitter }, 0);
    beat.pinged(0, 1, 1000);
    beat.received(1900);
    expect(beat.due(2000)).toBe('ping');
    expect(beat.pingsOut).toBe(0);
  });

  it('sends the first PING at a random time within the spread', () => {
    expect(new Heartbeat({ interval: 1000, maxPingsOut: 1, random: () => 0.3 }, 50, 400).dueAt).toBe(170);
  });

  it('restarts after a stall of the event loop: a peer is dead only after another whole limit', () => {
    const beat = new Heartbeat({ interval: 1000, maxPingsOut: 2, random: () => 0.999 }, 0);
    beat.pinged(0, 1, 900);
    beat.pinged(0, 2, 1800);
    beat.reset(10_000);
    let now = 10_000;
    while (beat.due(now) !== 'dead') {
      if (beat.due(now) === 'ping') beat.pinged(0, now, now);
      now++;
    }
    expect(now).toBeGreaterThanOrEqual(12_000);
  });

  it('measures the round trip of the expected PONG only', () => {
    const beat = new Heartbeat({ interval: 1000, maxPingsOut: 3, random: noJitter }, 0);
    beat.pinged(1, 2, 100);
    expect(beat.ponged(1, 3, 110)).toBe(false);
    expect(beat.ponged(1, 2, 116)).toBe(true);
    expect(beat.ponged(1, 2, 120)).toBe(false);
    beat.pinged(1, 4, 200);
    beat.ponged(1, 4, 208);
    expect(beat.roundTrips).toEqual({ last: 8, smoothed: 15, min: 8 });
  });
});

describe('the interval of one direction', () => {
  it.each([
    [0, 10, 0],
    [10, 0, 0],
    [10, 30, 30],
    [40, 30, 40],
  ])(
    'of a side that can send every %i ms and a side that wants it every %i ms is %i ms',
    (canSendMs, wantMs, expected) => {
      expect(negotiated({ canSendMs, wantMs: 0 }, { canSendMs: 0, wantMs })).toBe(expected);
    },
  );
});
