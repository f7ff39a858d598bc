import { TestEnvironment } from 'jest-environment-node';

const PATIENCE_MS = 2000;

/**
 * Fails a file that leaves sockets, servers, pipes or processes behind, after all of its own hooks; what is closing
 * gets a few turns of the loop.
 *
 * It asks for the handles themselves: process.getActiveResourcesInfo() only counts them by kind, and a runner's own
 * process that ends meanwhile would make up for one that a test leaves.
 */
export default class NoLeaks extends TestEnvironment {
  async setup() {
    await super.setup();
    // The sockets of a Node that does not allow `acceptHandles` (src/server/sockets/handle-socket.ts).
    if (process.env.PONGCHECK_STREAMS) this.global.process.binding = undefined;
    this.before = new Set([...process._getActiveHandles(), process.stdout, process.stderr]);
  }

  async handleTestEvent({ name }) {
    if (name !== 'run_finish') return;
    // What was begun last may not hold anything yet: listening, for one, looks its address up first.
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

/** So that the run ends, as a failure, instead of hanging. */
function detach(handles) {
  for (const handle of handles) {
    if (handle.constructor.name === 'ChildProcess') handle.kill('SIGKILL');
    handle.unref?.();
  }
}
