import type { Peers, PeerTally } from '../../src/health/fate.js';
import type { Answer, Query, Withdraw } from '../../src/health/health.js';
import { Registry, type RegistryOptions } from '../../src/health/query/registry.js';
import { FakeClock } from '../fake-clock.js';
import { type Checks, defined } from './defined.js';

/** A request and its answer. */
export class PendingRequest {
  answer: Answer | undefined;
  /** Number of answers, which must never exceed one. */
  answers = 0;
  withdraw: Withdraw;

  constructor(registry: Registry, query: Partial<Query>) {
    this.withdraw = registry.ask({ scope: 'readiness', timeout: 2000, hops: 0, ...query }, (answer) => {
      this.answer = answer;
      this.answers++;
    });
  }

  get state(): string | undefined {
    return this.answer?.state;
  }

  report(extent: 'full' | 'causes' | 'chain' = 'full'): any {
    return JSON.parse((this.answer as Answer).report(extent).toString());
  }
}

/** Peers that answer immediately. */
export function peersThat(answer: () => PeerTally): Peers {
  return { ask: (_check, _since, answered) => answered(answer()), recovered: () => {} };
}

/** A registry with its own clock. By default, it has no jitter. */
export function registryOf(
  checks: Checks,
  options: Partial<RegistryOptions> = {},
): { registry: Registry; clock: FakeClock; ask: (query?: Partial<Query>) => PendingRequest } {
  const clock = new FakeClock();
  const registry = new Registry({ clock, checks: defined(checks), instance: 'me', random: () => 0, ...options });
  return { registry, clock, ask: (query = {}) => new PendingRequest(registry, query) };
}
