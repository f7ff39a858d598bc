import type { Subject } from '../../src/cli/conformance/play.js';
import type { Wanted } from '../../src/cli/conformance/session.js';
import { systemClock } from '../../src/common/clock.js';
import { silentLog } from '../../src/common/log.js';
import type { CheckFunction } from '../../src/health/check.js';
import { Registry } from '../../src/health/query/registry.js';
import { Server } from '../../src/server/server.js';
import { defaultServerSettings } from '../../src/server/settings.js';
import { defined } from '../health/defined.js';
import { portOf } from '../server/harness.js';
import { mirrorOf } from '../threads/mirrored.js';

function checkOf(word: string): CheckFunction {
  if (word === 'pass') return async () => ({ status: 'pass' });
  if (word === 'fail') return async () => ({ status: 'fail', reason: 'refused' });
  throw new Error(`this responder has no check that is "${word}"`);
}

/**
 * A responder that answers from a mirror, as a PING thread does. Between the operator steps `block` and `unblock`, the
 * mirror reports the event loop of the main thread as blocked (SPEC "A blocked event loop").
 */
export async function startBlockable({ checks = {}, loop }: Wanted): Promise<Subject & { stop(): Promise<void> }> {
  const registry = new Registry({
    checks: defined(Object.fromEntries(Object.entries(checks).map(([name, word]) => [name, checkOf(word)]))),
  });
  registry.start();
  const { mirror } = mirrorOf(registry, systemClock);
  const block = (isBlocked: boolean) =>
    mirror.setLoop({
      isReadinessBlocked: isBlocked && (loop?.readinessStall ?? 0) > 0,
      isLivenessBlocked: isBlocked && (loop?.livenessStall ?? 0) > 0,
      blockedSince: Date.now(),
    });
  const server = new Server({ health: mirror, clock: systemClock, log: silentLog, settings: defaultServerSettings });
  const host = '127.0.0.1';
  const port = portOf(await server.listen({ kind: 'tcp', host, port: 0 }));
  // The first results, without which readiness would not pass.
  await new Promise<void>((resolve) => {
    mirror.ask({ scope: 'readiness', timeout: 10_000, hops: 0 }, () => resolve());
  });
  return {
    host,
    port,
    operate: (step) => {
      if ('set' in step) throw new Error('the checks of this responder do not change');
      if (step.operator === 'drain') registry.drain();
      else block(step.operator === 'block');
    },
    stop: async () => {
      await server.close();
      await registry.stop();
    },
  };
}
