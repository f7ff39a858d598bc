import { afterAll, beforeAll } from '@jest/globals';

/** What keeps a process alive and costs the machine something. */
function held(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /^(TCP|UDP|Process|Pipe)/.test(name));
}

let before: string[] = [];

beforeAll(() => {
  before = held();
});

/** What is held now and was not before. What was there before may have gone meanwhile, so counting is not enough. */
function left(): string[] {
  const more = held();
  for (const name of before) {
    const at = more.indexOf(name);
    if (at >= 0) more.splice(at, 1);
  }
  return more;
}

/** Fails a file that leaves sockets, servers or processes behind; what is closing gets a few turns of the loop. */
afterAll(async () => {
  const until = performance.now() + 2000;
  while (left().length > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (left().length > 0) throw new Error(`this file left behind: ${left().join(', ')}`);
});
