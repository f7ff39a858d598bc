/** The application works for this many milliseconds without a pause, then pauses, which uses 80 % of a core. */
const SLICE_MS = 250;
const PAUSE_MS = 62;

/**
 * Listens for the benchmark. Prints the port and the duration of the start in milliseconds, executes each line of its
 * standard input and reports that, and exits at the end of the input. Run with --expose-gc.
 * @param {number} port
 * @param {number} started
 */
export function listening(port, started = 0) {
  let slice;
  const commands = {
    collect: () => globalThis.gc(),
    work() {
      slice = setTimeout(work, PAUSE_MS);
    },
    rest: () => clearTimeout(slice),
  };
  const work = () => {
    const end = performance.now() + SLICE_MS;
    while (performance.now() < end) continue;
    commands.work();
  };
  process.stdout.write(`${JSON.stringify({ port, started })}\n`);
  process.stdin.on('data', (line) => {
    commands[String(line).trim()]();
    process.stdout.write('done\n');
  });
  process.stdin.on('end', () => process.exit(0));
}
