import type { Service } from '../../src/service/service.js';
import type { ThreadedServer } from '../../src/threads/threaded-server.js';

const DEADLINE_MS = 50_000;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the event loop until the PING thread of a service has counted the stall. */
export function blockUntilCounted(service: Service, scope: 'readiness' | 'liveness'): void {
  const { loopStats } = service.server as ThreadedServer;
  const before = loopStats.stalls[scope];
  const limit = performance.now() + DEADLINE_MS;
  while (loopStats.stalls[scope] === before) {
    if (performance.now() > limit) throw new Error('the stall is not counted');
    // Leaves the processor to the thread.
    Atomics.wait(sleeper, 0, 0, 5);
  }
}
