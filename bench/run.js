import { writeFile } from 'node:fs/promises';
import { cellsOf, measureMemory, measureRound } from './measure.js';
import { render } from './report.js';

/**
 * Measures what `options` ask for, prints the tables, and keeps those of a whole run in bench/RESULTS.md.
 * @param {ReturnType<typeof import('./options.js').parseOptions>} options
 */
export async function run(options) {
  const { peers, parts, rounds: count, memoryRounds } = options;
  const cells = cellsOf(options);
  const rounds = [];
  for (let round = 0; cells.length > 0 && round < count; round++) {
    progress(`round ${round + 1} of ${count}`);
    rounds.push(await measureRound(round, cells, options));
  }
  const memory = new Map();
  if (parts.includes('memory')) {
    progress('memory');
    // All rounds at once: nothing here depends on the speed of a core, and settling takes its time.
    const measured = (peer) => Promise.all(Array.from({ length: memoryRounds }, () => measureMemory(peer)));
    await Promise.all(peers.map(async (peer) => memory.set(peer, await measured(peer))));
  }
  const report = render(options, { cells, rounds, memory });
  process.stdout.write(`${report}\n`);
  if (options.whole) await writeFile(new URL('RESULTS.md', import.meta.url), report);
  else progress('a part of the benchmark: bench/RESULTS.md is left as it was');
}

function progress(description) {
  process.stderr.write(`${description}\n`);
}
