import { describe, expect, it } from '@jest/globals';
import { FailbackProbe } from '../../src/client/link/failback.js';
import { FakeClock, settle } from '../fake-clock.js';

/** A probe every second of addresses that may be used from these times. The probes last until `finish`. */
function probeOf(...notBefore: number[]) {
  const clock = new FakeClock();
  const times: number[] = [];
  const finishers: ((isNeeded: boolean) => void)[] = [];
  const probe = new FailbackProbe(
    clock,
    { interval: 1000, backoff: { initial: 1, max: 1 }, random: () => 0 },
    () => notBefore.map((at) => Math.max(0, at - clock.now())),
    () => {
      times.push(clock.now());
      return new Promise((resolve) => finishers.push(resolve));
    },
  );
  const finish = async (isNeeded = true) => {
    finishers.shift()?.(isNeeded);
    await settle();
  };
  return { clock, probe, times, finish, notBefore };
}

describe('a failback probe', () => {
  it('starts when the first address may be used, and continues at its interval', async () => {
    const { clock, probe, times, finish } = probeOf(3000);
    probe.start();
    await clock.advance(3000);
    await finish();
    await clock.advance(1000);
    expect(times).toEqual([3000, 4000]);
  });

  it('starts immediately if an address may be used, and again when another one may', async () => {
    const { clock, probe, times, finish } = probeOf(0, 300);
    probe.start();
    await clock.advance(0);
    await finish();
    await clock.advance(300);
    await finish();
    await clock.advance(1000);
    expect(times).toEqual([0, 300, 1300]);
  });

  it('that is started while one is running starts when that one has ended', async () => {
    const { clock, probe, times, finish } = probeOf(0);
    probe.start();
    await clock.advance(0);
    probe.start();
    await clock.advance(100);
    expect(times).toEqual([0]);
    await finish();
    expect(times).toEqual([0, 100]);
  });

  it('that is scheduled is moved forward if an address may be used earlier, and is not delayed by a later call', async () => {
    const { clock, probe, times, notBefore } = probeOf(0);
    probe.continue();
    notBefore.push(400);
    probe.continue();
    await clock.advance(200);
    probe.continue();
    await clock.advance(200);
    expect(times).toEqual([400]);
  });

  it('is canceled when no address is left', async () => {
    const { clock, probe, times, notBefore } = probeOf(0);
    probe.continue();
    notBefore.pop();
    probe.continue();
    await clock.advance(5000);
    expect(times).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('does not start after the end, which waits for the running one', async () => {
    const { clock, probe, times, finish } = probeOf(0);
    probe.start();
    await clock.advance(0);
    probe.start();
    await clock.advance(0);
    const ended = probe.end();
    await finish();
    await ended;
    probe.start();
    await clock.advance(5000);
    expect(times).toEqual([0]);
  });
});
