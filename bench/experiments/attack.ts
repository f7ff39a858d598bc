import { now, passUntil, type Said } from '../../test/system/program.js';
import { quiet, Trial } from '../../test/system/trial.js';
import { type Shown, table } from './table.js';

/** The client is measured alternately alone and beside the attack, because the load of the machine varies over time. */
const ROUNDS = 10;
const CONNECTIONS = 100_000;
/** Half of the connections are opened at each rate. */
const RATES = [250, 1000] as const;
const WARM_UP = 2000;
/** Interval of the well-behaved client's PINGs, in milliseconds. */
const EVERY = 5;
const ALONE = 10_000;
const MIB = 1_048_576;

/** Measures what 100,000 hostile connections cost the server and a client beside them. */
export async function attack(): Promise<Shown> {
  const trial = new Trial();
  try {
    const { program: server, ports } = await trial.server({
      quiet: true,
      // Some attacks wait until their connections are closed.
      heartbeat: { idleTimeout: 2000 },
      limits: { frameTimeout: 1000 },
    });
    const to = { host: '127.0.0.1', port: ports[0] };
    const program = async (script: string, plan: object) => {
      const started = trial.node(script, [JSON.stringify({ to, ...plan })]);
      await started.says('ready');
      return started;
    };
    const steady = await program('steady.js', { every: EVERY });
    const hostile = await program('hostile.js', { seed: 7464 });
    const told = () => steady.ask({ tell: true }, 'told');

    // What the first connections compile and cache is not a leak.
    await hostile.ask({ attack: WARM_UP, perSecond: RATES[1] }, 'gone');
    const before = await quiet(server, 1);
    const alone: Said[] = [];
    const beside: Said[][] = RATES.map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
      await told();
      await passUntil(now() + ALONE);
      alone.push(await told());
      for (const [which, perSecond] of RATES.entries()) {
        await told();
        await hostile.ask({ attack: CONNECTIONS / ROUNDS / RATES.length, perSecond }, 'gone');
        beside[which]?.push(await told());
        await quiet(server, 1);
      }
    }
    const after = await quiet(server, 1);

    const reasons = Object.entries(after.closed as Record<string, number>)
      .map(([reason, count]) => [reason, count - (before.closed[reason] ?? 0)] as const)
      .filter(([, count]) => count > 0)
      .map(([reason, count]) => `${reason} ${count}`);
    return [
      table(
        [`regular client, ${ROUNDS} rounds`, 'no attack', ...RATES.map((rate) => `attack with ${rate} per second`)],
        [
          ['PONGs', ...[alone, ...beside].map((rounds) => String(sum(rounds.map(({ times }) => times.length))))],
          compared('median', alone, beside, 0.5),
          compared('p99', alone, beside, 0.99),
          compared('longest', alone, beside, 1),
          [
            'wrong, or missing after 1 s',
            ...[alone, ...beside].map((rounds) => String(sum(rounds.map(({ wrong, late }) => wrong + late)))),
          ],
        ],
      ),
      table(
        ['server', 'before', 'after'],
        [
          ['accepted', String(before.accepted), String(after.accepted)],
          ['open', String(before.open), String(after.open)],
          ['memory after garbage collection', mib(before.memory), mib(after.memory)],
          ['handles', handles(before), handles(after)],
        ],
      ),
      `Close reasons: ${reasons.join(', ')}.`,
    ];
  } finally {
    await trial.close();
  }
}

/** Medians over the rounds, and of their ratios to the round without an attack. */
function compared(name: string, alone: readonly Said[], beside: readonly Said[][], part: number): string[] {
  const each = (rounds: readonly Said[]) => rounds.map(({ times }) => quantile(times, part));
  const base = each(alone);
  const cells = beside.map((rounds) => {
    const ratios = each(rounds).map((one, round) => one / (base[round] as number));
    return `${quantile(each(rounds), 0.5).toFixed(2)} ms, ${quantile(ratios, 0.5).toFixed(2)} times`;
  });
  return [name, `${quantile(base, 0.5).toFixed(2)} ms`, ...cells];
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * part) - 1] as number;
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
const mib = (bytes: number) => `${(bytes / MIB).toFixed(2)} MiB`;
const handles = ({ resources }: Said) =>
  Object.entries(resources as Record<string, number>)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
