import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/common/clock.js';
import { type Pushing, PushQueue } from '../../src/server/protocol/push-queue.js';
import { FakeClock } from '../fake-clock.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a push queue', () => {
  it('sends at most 256 per turn of the event loop, so that other work runs in between', async () => {
    const queue = new PushQueue(systemClock);
    let pushed = 0;
    for (let each = 0; each < 1000; each++) queue.add({ push: () => pushed++ && 1 });
    const seen: number[] = [];
    while (pushed < 1000) {
      await turn();
      seen.push(pushed);
    }
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen[0]).toBeLessThan(1000);
  });

  it('continues with the next source after 256 messages of one', async () => {
    const queue = new PushQueue(systemClock);
    const sent = { many: 0, one: 0 };
    const many: Pushing = {
      push: (most) => {
        sent.many += most;
        return most;
      },
    };
    queue.add(many);
    queue.add({ push: () => ++sent.one });
    await turn();
    expect(sent).toEqual({ many: 256, one: 0 });
    await turn();
    expect(sent).toEqual({ many: 511, one: 1 });
    queue.delete(many);
  });

  it('ends its turn after 5 ms, even if few were sent', async () => {
    const clock = new FakeClock();
    const queue = new PushQueue(clock);
    let pushed = 0;
    const push = () => {
      clock.jump(4);
      return ++pushed && 1;
    };
    for (let each = 0; each < 10; each++) queue.add({ push });
    await turn();
    expect(pushed).toBeLessThanOrEqual(4);
    while (pushed < 10) await turn();
  });

  it('calls one that was added several times once, and not one that was deleted', async () => {
    const queue = new PushQueue(systemClock);
    const pushed: string[] = [];
    const [a, b] = ['a', 'b'].map((name) => ({ push: () => pushed.push(name) }));
    for (const each of [a, b, a, a]) queue.add(each as Pushing);
    queue.delete(b as Pushing);
    await turn();
    await turn();
    expect(pushed).toEqual(['a']);
    queue.add(b as Pushing);
    await turn();
    await turn();
    expect(pushed).toEqual(['a', 'b']);
  });
});
