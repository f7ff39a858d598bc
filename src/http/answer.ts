import type { Answer, Health, Query } from '../health/health.js';
import { healthJsonStatus, type State } from '../health/state.js';

/**
 * How long a request waits for runs, in milliseconds: a Kubernetes probe gives
 * up after 1 s, so every answer is out within 900 ms.
 */
const TIMEOUT = 850;

/** What is true now, or at the end of the time that a request has. */
export function askHealth(health: Health, query: Omit<Query, 'timeout' | 'hops'>): Promise<Answer> {
  return new Promise((resolve) => health.ask({ ...query, timeout: TIMEOUT, hops: 0 }, resolve));
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
