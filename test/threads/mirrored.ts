import type { Clock } from '../../src/common/clock.js';
import type { Answer, Query, Selection } from '../../src/health/health.js';
import type { Registry, RegistryOptions } from '../../src/health/query/registry.js';
import type { ToMain, ToThread } from '../../src/threads/messages.js';
import { Mirror } from '../../src/threads/mirror.js';
import { Publisher } from '../../src/threads/publisher.js';
import { settle } from '../fake-clock.js';
import { registryOf } from '../health/asking.js';
import type { Checks } from '../health/defined.js';

/** A mirror of a registry. They are connected by cloned messages that are delivered in later microtasks. */
export function mirrorOf(registry: Registry, clock: Clock) {
  const toMain: ToMain[] = [];
  let isBlocked = false;
  const sent = { updates: 0, demands: 0 };

  const deliver = (message: ToMain): void => {
    if (message.kind === 'update-taken') publisher.onTaken();
    if (message.kind !== 'demand') return;
    publisher.onDemand(message.demand);
    queueMicrotask(() => mirror.onDemandTaken());
  };
  const post = (message: ToMain): void => {
    const copy = structuredClone(message);
    if (isBlocked) toMain.push(copy);
    else queueMicrotask(() => deliver(copy));
  };
  const mirror = new Mirror(clock, registry.source.identity, (demand) => {
    sent.demands++;
    post({ kind: 'demand', demand });
  });
  const publisher = new Publisher(registry, (update) => {
    sent.updates++;
    const message: ToThread = structuredClone({ kind: 'update', update });
    queueMicrotask(() => {
      if (message.kind === 'update') mirror.update(message.update);
      post({ kind: 'update-taken' });
    });
  });
  return {
    mirror,
    publisher,
    /** Number of messages so far. */
    sent,
    /** Delays messages to the main thread from now on. */
    block() {
      isBlocked = true;
    },
    unblock() {
      isBlocked = false;
      for (const message of toMain.splice(0)) deliver(message);
    },
  };
}

/** A registry on a fake clock, and a mirror of it. */
export async function mirrored(checks: Checks, options: Partial<RegistryOptions> = {}) {
  const { registry, clock } = registryOf(checks, options);
  const { mirror, ...parts } = mirrorOf(registry, clock);
  await settle();
  return {
    registry,
    clock,
    mirror,
    ...parts,
    ask(query: Partial<Query> = {}) {
      const asked: { answer?: Answer; answers: number } = { answers: 0 };
      mirror.ask({ scope: 'readiness', timeout: 2000, hops: 0, ...query }, (answer) => {
        asked.answer = answer;
        asked.answers++;
      });
      return asked;
    },
    watch(selection: Partial<Selection> = {}) {
      const states: string[] = [];
      const subscription = mirror.watch({ scope: 'readiness', ...selection }, () =>
        states.push(String(subscription?.answer.state)),
      );
      if (!subscription) throw new Error('refused');
      return { states, subscription };
    },
  };
}

export const reportOf = (answer: Answer | undefined, detail: 'full' | 'causes' | 'chain' = 'full') =>
  JSON.parse((answer as Answer).report(detail).toString());
