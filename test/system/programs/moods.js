// A check for tests. Its behavior is the word in a file, which the test changes while the service is running.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const workers = [];
process.on('worker', (worker) => workers.push(worker));

export default ({ file }) => {
  const mood = () => readFileSync(file, 'utf8');
  let flips = 0;
  let busy;
  let open = [];
  const moods = {
    well: () => true,
    /** Passes late. */
    late: () => sleep(1200),
    /** Ignores its signal. */
    hang: async () => {
      while (mood() === 'hang') await sleep(100, undefined, { ref: false });
    },
    /** Alternates its result. */
    flap: () => flips++ % 2 === 0,
    /** Blocks the event loop. */
    stall: () => block(1500),
    /** Keeps the event loop almost continuously busy. */
    busy: () => {
      busy ??= setInterval(block, 50, 48).unref();
    },
    /** Ends the PING threads. */
    end: async () => {
      for (const worker of workers.splice(0)) await worker.terminate();
    },
    /** Opens files without closing them. */
    leak: () => {
      if (open.length === 0) open = Array.from({ length: 400 }, () => openSync('/dev/null'));
    },
  };
  return async () => {
    const word = mood();
    if (word !== 'busy') busy = void clearInterval(busy);
    if (word !== 'leak') for (const file of open.splice(0)) closeSync(file);
    return moods[word]();
  };
};

function block(ms) {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
