import { describe, expect, it } from '@jest/globals';
import { type Pushing, PushQueue } from '../../src/server/push-queue.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a queue of pushes', () => {
  it('lets others have their turn between so many', async () => {
    const queue = new PushQueue();
    let pushed = 0;
    for (let each = 0; each < 1000; each++) queue.add({ push: () => pushed++ });
    const seen: number[] = [];
    while (pushed < 1000) {
      await turn();
      seen.push(pushed);
    }
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen[0]).toBeLessThan(1000);
  });

  it('pushes once who was added often, and not who was taken out', async () => {
    const queue = new PushQueue();
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
