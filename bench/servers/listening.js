/**
 * Listens for the benchmark: prints the port, collects garbage for each line of its standard input (run with
 * --expose-gc) and reports that, and exits at the end of the input.
 * @param {number} port
 */
export function listening(port) {
  process.stdout.write(`${port}\n`);
  process.stdin.on('data', () => {
    globalThis.gc();
    process.stdout.write('collected\n');
  });
  process.stdin.on('end', () => process.exit(0));
}
