// A check for trials: what it does is the word in a file, which the trial writes anew while the service runs.
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
    /** In the end, but not soon. */
    late: () => sleep(1200),
    /** Whatever its signal says. */
    hang: async () => {
      while (mood() === 'hang') await sleep(100, undefined, { ref: false });
    },
    /** Another result each time. */
    flap: () => flips++ % 2 === 0,
    /** Stands in everybody's way. */
    stall: () => block(1500),
    /** Leaves the event loop hardly any rest. */
    busy: () => {
      busy ??= setInterval(block, 50, 48).unref();
    },
    /** Ends the PING threads. */
    end: async () => {
      for (const worker of workers.splice(0)) await worker.terminate();
    },
    /** Opens files that it does not close. */
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
