/**
 * What the benchmark wants of a server that runs on Node: it prints its port, collects its garbage for each line that
 * it is sent (run with --expose-gc), says so, and ends when its standard input does.
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
