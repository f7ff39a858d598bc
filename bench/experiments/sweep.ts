import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compiledPackage } from '../../test/cli/compiled.js';
import { Program } from '../../test/system/program.js';
import { type Shown, table } from './table.js';

/**
 * Measures only the sweep, over connections without sockets. Each one has sent HELLO and receives a PING from the
 * server every 10 s.
 */
export async function sweep(): Promise<Shown> {
  const rows: string[][] = [];
  const dist = pathToFileURL(join(compiledPackage(), 'dist')).href;
  const script = join(process.cwd(), 'bench', 'experiments', 'programs', 'sweep.js');
  for (const count of [10_000, 100_000]) {
    const program = new Program([process.execPath, '--max-old-space-size=4096', script, dist, String(count)]);
    const { sweeps } = await program.says('swept');
    const ascending = (times: number[]) => times.sort((a, b) => a - b);
    const whole = ascending(sweeps.map((slices: number[]) => slices.reduce((sum, slice) => sum + slice, 0)));
    const slices = ascending(sweeps.flat());
    const ms = (time: number | undefined) => `${time?.toFixed(2)} ms`;
    const median = whole[Math.floor(whole.length / 2)];
    rows.push([
      count.toLocaleString('en'),
      ms(median),
      ms(whole.at(-1)),
      ms(slices[Math.floor(slices.length * 0.99)]),
      ms(slices.at(-1)),
    ]);
    await program.exit();
  }
  return [
    table(['simulated connections', 'median of 100 sweeps', 'longest sweep', 'p99 of slices', 'longest slice'], rows),
  ];
}
