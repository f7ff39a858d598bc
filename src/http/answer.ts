import type { Answer, Health, Query } from '../health/health.js';
import { healthJsonStatus, type State } from '../health/state.js';

/**
 * How long a request waits, in milliseconds: a Kubernetes probe gives up after
 * 1 s, so every answer is out within 900 ms.
 */
export const ANSWER_TIMEOUT = 850;
/** Requests of a route that wait for runs. Beyond it they get what is known, so that a flood of them piles nothing up. */
const MAX_WAITING = 1000;

/** Asks what is true now, or at the end of the time that a request has. */
export type AskHealth = (query: Omit<Query, 'timeout' | 'hops'>) => Promise<Answer>;

/** The way in which a route asks. */
export function asking(health: Health): AskHealth {
  let waiting = 0;
  return (query) =>
    new Promise((resolve) => {
      const timeout = waiting < MAX_WAITING ? ANSWER_TIMEOUT : 0;
      waiting++;
      health.ask({ ...query, timeout, hops: 0 }, (answer) => {
        waiting--;
        resolve(answer);
      });
    });
}

/** 200 for what may get work, 404 for what does not exist, 503 for all else. */
export function httpStatus(state: State): 200 | 404 | 503 {
  if (state === 'pass' || state === 'warn') return 200;
  return state === 'not-found' ? 404 : 503;
}

/** What everyone may see. */
export function summary({ state }: Answer): { status: string; state: State } {
  return { status: healthJsonStatus(state), state };
}
