import { writeFile } from 'node:fs/promises';
import { fromData, toData } from './data.js';
import { cellsOf, measureMemory, measureRound } from './measure.js';
import { render } from './report.js';

const major = process.versions.node.split('.')[0];
const suffix = major === '20' ? '' : `-node-${major}`;
/** One file for the oldest supported Node.js version, and one for each other version that was measured. */
const file = `RESULTS${suffix}.md`;

/**
 * Measures what `options` select, and prints the tables. Stores the tables of a complete run in bench/RESULTS.md, or in
 * a separate file for a Node.js version other than 20, and the data as JSON beside it.
 * @param {ReturnType<typeof import('./options.js').parseOptions>} options
 */
export async function run(options) {
  const missing = [];
  options.peers = options.peers.filter((peer) => canRun(peer, missing));
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
    // All rounds run at the same time, because the results do not depend on the speed of a core and waiting for settled
    // memory takes long.
    const measured = (peer) => Promise.all(Array.from({ length: memoryRounds }, () => measureMemory(peer)));
    // The garbage of a thread cannot be collected from outside.
    const collectable = peers.filter(({ threads = 0 }) => threads === 0);
    const results = await Promise.all(collectable.map(measured));
    for (const [index, peer] of collectable.entries()) memory.set(peer, results[index]);
  }
  const data = toData({ cells, rounds, memory });
  const report = render(options, { ...fromData(data, cells, peers), missing });
  process.stdout.write(`${report}\n`);
  if (options.whole) {
    await writeFile(new URL(file, import.meta.url), report);
    await writeFile(new URL(`results${suffix}.json`, import.meta.url), data);
  } else progress(`a part of the benchmark: bench/${file} is left as it was`);
}

/** Prepares an optional peer. If that fails, adds the reason to `missing`. */
function canRun({ title, prepare }, missing) {
  try {
    prepare?.();
    return true;
  } catch (error) {
    missing.push(`${title} is not measured: ${error.message.split('\n')[0]}`);
    progress(missing.at(-1));
    return false;
  }
}

function progress(description) {
  process.stderr.write(`${description}\n`);
}
