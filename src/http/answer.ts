import type { Answer, Health, Query } from '../health/health.js';
import { healthJsonStatus, isHealthy, type State } from '../health/state.js';

/**
 * How long a request waits for checks, in milliseconds. A Kubernetes probe times out after 1 s, so each response is
 * sent within 900 ms.
 */
export const ANSWER_TIMEOUT_MS = 850;
/**
 * Maximum number of requests per route that wait for runs. Further requests get the latest known status, so that a
 * flood does not queue up.
 */
const MAX_PENDING = 1000;

/** Returns a fresh status, or at the request deadline the latest known one. */
export type AskHealth = (query: Omit<Query, 'timeout' | 'hops'>) => Promise<Answer>;

/** Creates the query function of one route. */
export function healthQuery(health: Health): AskHealth {
  let pending = 0;
  return (query) =>
    new Promise((resolve) => {
      const timeout = pending < MAX_PENDING ? ANSWER_TIMEOUT_MS : 0;
      pending++;
      health.ask({ ...query, timeout, hops: 0 }, (answer) => {
        pending--;
        resolve(answer);
      });
    });
}

/** 200 if the service can do its work, 404 if the group or check does not exist, otherwise 503. */
export function httpStatus(state: State): 200 | 404 | 503 {
  if (isHealthy(state)) return 200;
  return state === 'not-found' ? 404 : 503;
}

/** The body for clients without access to detail. */
export function summary({ state }: Answer): { status: string; state: State } {
  return { status: healthJsonStatus(state), state };
}
