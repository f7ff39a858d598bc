import type { Clock } from '../../common/clock.js';
import { ANSWER_TIMEOUT } from '../answer.js';
import type { MetricsText } from '../context.js';

/** Reads a registry. A collector of the application may hang: then the text is undefined at the deadline. */
export async function scrape(registry: MetricsText, clock: Clock): Promise<string | undefined> {
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
