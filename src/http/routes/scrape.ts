import type { Clock } from '../../common/clock.js';
import { ANSWER_TIMEOUT_MS } from '../answer.js';
import type { MetricsText } from '../context.js';

/** Reads a registry. Returns undefined at the deadline if one of the application's collectors hangs. */
export async function scrape(registry: MetricsText, clock: Clock): Promise<string | undefined> {
  let timer: unknown;
  const timeout = new Promise<undefined>((resolve) => {
    timer = clock.after(ANSWER_TIMEOUT_MS, () => resolve(undefined));
  });
  try {
    return await Promise.race([registry.metrics(), timeout]);
  } finally {
    clock.clear(timer);
  }
}
