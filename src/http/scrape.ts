import type { Clock } from '../clock.js';
import { ANSWER_TIMEOUT } from './answer.js';
import type { MetricsText } from './context.js';

/**
 * Reads a registry for everyone who asks while it is being read, so that a
 * flood of requests costs one reading. A collector of the application may hang:
 * then the text is undefined at the deadline, and the next who asks reads anew.
 */
export function sharedScrape(registry: MetricsText, clock: Clock): () => Promise<string | undefined> {
  let current: Promise<string | undefined> | undefined;
  return () => {
    current ??= scrape(registry, clock).finally(() => {
      current = undefined;
    });
    return current;
  };
}

async function scrape(registry: MetricsText, clock: Clock): Promise<string | undefined> {
  let limit: unknown;
  const late = new Promise<undefined>((resolve) => {
    limit = clock.after(ANSWER_TIMEOUT, () => resolve(undefined));
  });
  try {
    return await Promise.race([registry.metrics(), late]);
  } finally {
    clock.clear(limit);
  }
}
