import { TestEnvironment } from 'jest-environment-node';

/** What keeps a process alive and costs the machine something. */
function held() {
  return process.getActiveResourcesInfo().filter((name) => /^(TCP|UDP|Process|Pipe)/.test(name));
}

/**
 * Fails a file that leaves sockets, servers or processes behind, after all of its own hooks;
 * what is closing gets a few turns of the loop.
 */
export default class NoLeaks extends TestEnvironment {
  before = [];

  async handleTestEvent({ name }) {
    if (name === 'run_start') this.before = held();
    if (name !== 'run_finish') return;
    const until = performance.now() + 2000;
    while (this.left().length > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (this.left().length > 0) throw new Error(`this file left behind: ${this.left().join(', ')}`);
  }

  /** What is held now and was not before. What was there before may have gone meanwhile, so counting is not enough. */
  left() {
    const more = held();
    for (const name of this.before) {
      const at = more.indexOf(name);
      if (at >= 0) more.splice(at, 1);
    }
    return more;
  }
}
