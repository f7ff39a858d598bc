import { TestEnvironment } from 'jest-environment-node';

const PATIENCE_MS = 2000;

/**
 * Fails a file that leaves sockets, servers, pipes or processes open after all of its hooks. Handles that are closing
 * get a few turns of the event loop.
 *
 * It reads the handles themselves. process.getActiveResourcesInfo() only counts them by kind, so that a process of the
 * runner that ends in the meantime would hide one that a test left open.
 */
export default class NoLeaks extends TestEnvironment {
  async setup() {
    await super.setup();
    // Selects the sockets of a Node version that does not support `acceptHandles`
    // (src/server/sockets/handle-socket.ts).
    if (process.env.PONGCHECK_STREAMS) this.global.process.binding = undefined;
    this.before = new Set([...process._getActiveHandles(), process.stdout, process.stderr]);
  }

  async handleTestEvent({ name }) {
    if (name !== 'run_finish') return;
    // Operations that have just begun may not hold a handle yet. For example, `listen` looks up its address first.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    const until = performance.now() + PATIENCE_MS;
    while (this.left().length > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const left = this.left();
    if (left.length === 0) return;
    detach(left);
    throw new Error(`this file left behind: ${left.map((handle) => handle.constructor.name).join(', ')}`);
  }

  left() {
    return process._getActiveHandles().filter((handle) => !this.before.has(handle));
  }
}

/** Lets the run end as a failure instead of hanging. */
function detach(handles) {
  for (const handle of handles) {
    if (handle.constructor.name === 'ChildProcess') handle.kill('SIGKILL');
    handle.unref?.();
  }
}
