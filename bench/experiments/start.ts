import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { compiledPackage } from '../../test/cli/compiled.js';
import { Trial } from '../../test/system/trial.js';
import { type Shown, table } from './table.js';

const NODES = ['20', '22', '24'];
/** Number of consecutive processes of one command, and number of rounds in which the commands alternate. */
const BATCH = 10;
const ROUNDS = 10;
/** The shell reports the CPU time of its children, which Node.js cannot. */
const SCRIPT = `i=0; while [ $i -lt ${BATCH} ]; do "$@" >/dev/null || exit 1; i=$((i+1)); done; times`;

/** Medians for one process, in milliseconds. */
export interface Start {
  node: string;
  command: string;
  wall: number;
  cpu: number;
  /** Medians of the ratios to `node -e 0` in the same round. */
  wallRatio: number;
  cpuRatio: number;
}

/** Measures what a probe costs as a whole process, with each Node.js separately and the commands alternating. */
export async function start(): Promise<Start[]> {
  const trial = new Trial();
  try {
    const { ports } = await trial.server({ quiet: true, threads: 0 });
    const cli = join(compiledPackage(), 'dist', 'cli.cjs');
    const commands: Record<string, string[]> = {
      'node -e 0': ['-e', '0'],
      'pongcheck ping -c 1': [cli, 'ping', '-c', '1', `127.0.0.1:${ports[0]}`],
      'pongcheck --version': [cli, '--version'],
      'pongcheck --help': [cli, '--help'],
    };
    return NODES.flatMap((version) => {
      const args = ['-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'];
      const node = execFileSync('npx', args, { encoding: 'utf8' }).trim();
      const name = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
      const rounds = Array.from({ length: ROUNDS }, () => Object.values(commands).map((words) => batch(node, words)));
      return Object.keys(commands).map((command, index) => {
        const median = (figure: (one: Cost, empty: Cost) => number) =>
          middle(rounds.map((round) => figure(round[index] as Cost, round[0] as Cost)));
        return {
          node: name,
          command,
          wall: median(({ wall }) => wall),
          cpu: median(({ cpu }) => cpu),
          wallRatio: median(({ wall }, empty) => wall / empty.wall),
          cpuRatio: median(({ cpu }, empty) => cpu / empty.cpu),
        };
      });
    });
  } finally {
    await trial.close();
  }
}

interface Cost {
  wall: number;
  cpu: number;
}

function batch(node: string, words: readonly string[]): Cost {
  const startedAt = performance.now();
  const printed = execFileSync('sh', ['-c', SCRIPT, 'sh', node, ...words], { encoding: 'utf8' });
  const wall = performance.now() - startedAt;
  const [, user, system] = /\n(\d+m[\d.]+s) (\d+m[\d.]+s)\n$/.exec(printed) ?? [];
  return { wall: wall / BATCH, cpu: (milliseconds(user) + milliseconds(system)) / BATCH };
}

/** Converts `0m1.234s` to milliseconds. */
function milliseconds(text = ''): number {
  const [minutes = 0, seconds = 0] = text.replace('s', '').split('m').map(Number);
  return (minutes * 60 + seconds) * 1000;
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

export function showStart(starts: readonly Start[]): Shown {
  return [
    table(
      ['Node.js', 'command', 'start to exit', 'CPU time', 'start to exit : `node -e 0`', 'CPU time : `node -e 0`'],
      starts.map(({ node, command, wall, cpu, wallRatio, cpuRatio }) => [
        node,
        `\`${command}\``,
        `${wall.toFixed(1)} ms`,
        `${cpu.toFixed(1)} ms`,
        wallRatio.toFixed(2),
        cpuRatio.toFixed(2),
      ]),
    ),
  ];
}
