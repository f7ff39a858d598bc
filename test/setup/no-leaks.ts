import { afterAll, beforeAll } from '@jest/globals';

/** What keeps a process alive and costs the machine something. */
function held(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /^(TCP|UDP|Process|Pipe)/.test(name));
}

let before: string[] = [];

beforeAll(() => {
  before = held();
});

/** Fails a file that leaves sockets, servers or processes behind; what is closing gets a few turns of the loop. */
afterAll(async () => {
  const until = performance.now() + 2000;
  while (held().length > before.length && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const left = held();
  for (const name of before) {
    const at = left.indexOf(name);
    if (at >= 0) left.splice(at, 1);
  }
  if (left.length > 0) throw new Error(`this file left behind: ${left.join(', ')}`);
});
