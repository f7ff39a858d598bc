import type { Subject } from '../../src/cli/conformance/play.js';
import type { Wanted } from '../../src/cli/conformance/session.js';
import { systemClock } from '../../src/common/clock.js';
import { silentLog } from '../../src/common/log.js';
import { Registry } from '../../src/health/query/registry.js';
import { Server } from '../../src/server/server.js';
import { defaultServerSettings } from '../../src/server/settings.js';
import { Mirror } from '../../src/threads/mirror.js';
import { Publisher } from '../../src/threads/publisher.js';
import { defined } from '../health/defined.js';
import { portOf } from '../server/harness.js';

/**
 * A responder that answers from a mirror of the health, which is told that the event loop is blocked: by the operator step
 * `block`, until `unblock`. Its loop is that of the test, which must not block.
 */
export async function startBlockable({ checks = {}, loop }: Wanted): Promise<Subject & { stop(): Promise<void> }> {
  const passing = Object.keys(checks).map((name) => [name, async () => {}]);
  const registry = new Registry({ checks: defined(Object.fromEntries(passing)) });
  const mirror = new Mirror(systemClock, registry.source.identity, (demand) => {
    publisher.onDemand(demand);
    queueMicrotask(() => mirror.onDemandTaken());
  });
  const publisher = new Publisher(registry, (update) => {
    mirror.update(structuredClone(update));
    queueMicrotask(() => publisher.onTaken());
  });
  registry.start();
  const server = new Server({ health: mirror, clock: systemClock, log: silentLog, settings: defaultServerSettings });
  const host = '127.0.0.1';
  const port = portOf(await server.listen({ kind: 'tcp', host, port: 0 }));
  // The first results, without which readiness would not pass.
  await new Promise<void>((resolve) => {
    mirror.ask({ scope: 'readiness', timeout: 10_000, hops: 0 }, () => resolve());
  });
  const { readinessStall = 0, livenessStall = 0 } = loop ?? {};
  const setBlocked = (isBlocked: boolean) =>
    mirror.setLoop({
      isReadinessBlocked: isBlocked && readinessStall > 0,
      isLivenessBlocked: isBlocked && livenessStall > 0,
      blockedSince: systemClock.wall(),
    });
  return {
    host,
    port,
    operate: ({ operator }) => (operator === 'drain' ? registry.drain() : setBlocked(operator === 'block')),
    stop: async () => {
      publisher.close();
      await server.close();
      await registry.stop();
    },
  };
}
