import type { CheckSettings } from '../../src/health/check.js';
import { CHECK_TIMEOUT, Fleet, INTERVAL, PEERS_TIMEOUT, type Sample, seeded } from './fleet.js';
import { type Shown, spread, type Table, table } from './table.js';

/** Start of the fault and end of the simulation, in milliseconds of simulated time. */
const FAULT = 20_000;
const END = 55_000;
/** Time from the fault within which all instances must have their final verdict. */
const BOUND = 2 * INTERVAL + CHECK_TIMEOUT + PEERS_TIMEOUT;
const FLAP = 8000;
const SIZES = [50, 1000];
const SEEDS = 5;
/** The default of `peers.ask`. */
const ASK = 11;

const variants = {
  fail: {},
  warn: { onShared: 'warn' as const },
  'warn, fall: 3': { onShared: 'warn' as const, fall: 3 },
} satisfies Record<string, CheckSettings>;
type Variant = keyof typeof variants;
const variantNames = Object.keys(variants) as Variant[];

type Scenario = (fleet: Fleet) => void;

/** Sets whether the database answers these instances from now on. */
function set(fleet: Fleet, works: boolean, affected: (n: number) => boolean = () => true): void {
  for (const [n, instance] of fleet.instances.entries()) if (affected(n)) instance.works = works;
  fleet.sample();
}

function partition(fleet: Fleet): void {
  const half = new Map(fleet.instances.map((instance, n) => [instance, n % 2]));
  fleet.reaches = (from, to) => half.get(from) === half.get(to);
}

const scenarios = {
  'down for all': (fleet) => set(fleet, false),
  'down for one': (fleet) => set(fleet, false, (n) => n === 0),
  'down for a third': (fleet) => set(fleet, false, (n) => n % 3 === 0),
  'flapping for all: 8 s down, 8 s up': (fleet) => {
    for (let at = 0; FAULT + at < END; at += FLAP) fleet.clock.after(at, () => set(fleet, (at / FLAP) % 2 === 1));
  },
  'down for all, peers in two halves': (fleet) => {
    partition(fleet);
    set(fleet, false);
  },
  'peers in two halves, one of them without the database': (fleet) => {
    partition(fleet);
    set(fleet, false, (n) => n % 2 === 0);
  },
  'down for all, then a rollout': (fleet) => {
    set(fleet, false);
    const added = fleet.instances.length / 5;
    for (let n = 0; n < added; n++) fleet.add(10_000 + fleet.random() * 10_000, true).works = false;
  },
} satisfies Record<string, Scenario>;
type Name = keyof typeof scenarios;

async function simulate(
  size: number,
  settings: CheckSettings,
  scenario: Scenario,
  seed = 1,
  ask = ASK,
): Promise<Fleet> {
  const fleet = new Fleet(size, settings, seeded(seed), ask);
  await fleet.clock.runUntil(FAULT);
  fleet.sample();
  scenario(fleet);
  await fleet.clock.runUntil(END);
  return fleet;
}

/** Values of the samples that apply from one time to another. */
function values(fleet: Fleet, from: number, to: number, value: (sample: Sample) => number): number[] {
  const { samples } = fleet;
  const before = samples.filter(({ at }) => at <= from).at(-1) as Sample;
  return [before, ...samples.filter(({ at }) => at > from && at < to)].map(value);
}

const percent = (part: number) => `${(part * 100).toFixed(1).replace('.0', '')} %`;
const perSecond = (times: readonly number[], from: number, to: number) =>
  (times.filter((at) => at >= from && at < to).length / (to - from)) * 1000;

interface Outcome {
  fleet: Fleet;
  /** Lowest fraction in rotation before the bound, and after it. */
  early: number;
  late: number;
  /** Highest fraction of instances without a database among those in rotation, after the bound. */
  withoutDatabase: number;
  /** Lowest fraction of the instances without a database that are out of rotation, after the bound. */
  out: number;
  pingsOfRun: number;
  longestRound: number;
  queries: readonly [before: number, during: number];
  settledAfter: number;
  newInRotation: number;
}

function outcomeOf(fleet: Fleet): Outcome {
  const late = (value: (sample: Sample) => number) => values(fleet, FAULT + BOUND, END, value);
  const rounds = fleet.instances.flatMap((instance) => instance.rounds);
  const changes = fleet.instances.flatMap((instance) => instance.changes).filter(({ at }) => at > FAULT);
  return {
    fleet,
    early: Math.min(...values(fleet, FAULT, FAULT + BOUND, ({ inRotation }) => inRotation)),
    late: Math.min(...late(({ inRotation }) => inRotation)),
    withoutDatabase: Math.max(...late(({ withoutDatabase }) => withoutDatabase)),
    out: 1 - Math.max(...late(({ brokenInRotation }) => brokenInRotation)),
    pingsOfRun: Math.max(0, ...rounds.map(({ pings }) => pings)),
    longestRound: Math.max(0, ...rounds.map(({ ms }) => ms)),
    queries: [perSecond(fleet.queries, FAULT / 2, FAULT), perSecond(fleet.queries, FAULT, END)],
    settledAfter: Math.max(FAULT, ...changes.map(({ at }) => at)) - FAULT,
    newInRotation: Math.max(...values(fleet, FAULT, END, ({ newInRotation }) => newInRotation)),
  };
}

function row({ fleet, early, late, withoutDatabase, pingsOfRun, queries, settledAfter }: Outcome): string[] {
  const first = fleet.instances.map(({ rounds }) => rounds[0]).filter((round) => round !== undefined);
  return [
    percent(early),
    percent(late),
    percent(withoutDatabase),
    perSecond(fleet.pings, FAULT, END).toFixed(1),
    String(pingsOfRun),
    first.length > 0 ? spread(first.map(({ at }) => at - FAULT)) : '-',
    `${(settledAfter / 1000).toFixed(1)} s`,
    queries.map((rate) => rate.toFixed(1)).join(' / '),
  ];
}

/** Time of the first change after the fault. */
const firstChange = ({ fleet }: Outcome) =>
  Math.min(...fleet.instances.flatMap(({ changes }) => changes.map(({ at }) => at).filter((at) => at > FAULT)));

/**
 * If a third of the instances has no database: the lowest fraction of them that is out of rotation, as mean and minimum
 * over several seeds.
 */
async function thirdOut(size: number, ask: number): Promise<string> {
  const shares: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    shares.push(outcomeOf(await simulate(size, variants.warn, scenarios['down for a third'], seed, ask)).out);
  }
  const mean = shares.reduce((sum, share) => sum + share) / shares.length;
  return `${percent(mean)}, ${percent(Math.min(...shares))}`;
}

/** Compares what `onShared` promises with the outcome. */
async function promises(size: number, of: (scenario: Name, variant: Variant) => Outcome): Promise<string[]> {
  const all = of('down for all', 'warn');
  const [before, during] = all.queries;
  const [, duringToday] = of('down for all', 'fail').queries;
  const everything = Object.keys(scenarios).flatMap((name) => variantNames.map((variant) => of(name as Name, variant)));
  return [
    `${percent(all.late)}; last one back after ${(all.settledAfter / 1000).toFixed(1)} s`,
    `${percent(1 - all.early)}; ${percent(1 - of('down for all', 'warn, fall: 3').early)}`,
    `${before.toFixed(1)}, ${during.toFixed(1)}; with \`fail\` ${duringToday.toFixed(1)}`,
    `${Math.round(firstChange(of('down for one', 'warn')) - firstChange(of('down for one', 'fail')))} ms`,
    await thirdOut(size, ASK),
    await thirdOut(size, 5),
    String(of('down for all, then a rollout', 'warn').newInRotation),
    String(Math.max(...everything.map(({ pingsOfRun }) => pingsOfRun))),
    String(Math.max(...everything.map(({ fleet }) => fleet.pings.filter((at) => at < FAULT).length))),
    `${Math.ceil(Math.max(...everything.map(({ longestRound }) => longestRound)))} ms`,
  ];
}

/** Measures the effect of `onShared` on a fleet. Checks and peers are real; the clock and the network are simulated. */
export async function fate(): Promise<Shown> {
  const parts: Table[] = [];
  const kept: string[][] = [];
  for (const size of SIZES) {
    const outcomes = new Map<string, Outcome>();
    const rows: string[][] = [];
    for (const name of Object.keys(scenarios) as Name[]) {
      for (const variant of variantNames) {
        const outcome = outcomeOf(await simulate(size, variants[variant], scenarios[name]));
        outcomes.set(`${name}: ${variant}`, outcome);
        rows.push([name, variant, ...row(outcome)]);
      }
    }
    parts.push(
      table(
        [
          `${size.toLocaleString('en')} instances`,
          '`onShared`',
          `minimum in rotation, until ${BOUND / 1000} s`,
          'minimum in rotation, later',
          'maximum without database among these, later',
          'PINGs between peers per second',
          'maximum per run',
          'time to first verdict, min / median / max',
          'time to last change',
          'queries per second, before / during',
        ],
        rows,
      ),
    );
    kept.push(await promises(size, (name, variant) => outcomes.get(`${name}: ${variant}`) as Outcome));
  }
  const wanted = [
    `down for all: in rotation after ${BOUND / 1000} s (2 intervals, plus the timeouts of the check and of peers)`,
    'down for all: maximum out of rotation before; with `fall: 3`',
    'down for all: database queries per second, before and during',
    `down for one: delay before it leaves rotation, compared with \`fail\` (at most ${PEERS_TIMEOUT} ms)`,
    `down for a third: share of these out of rotation later, mean and minimum of ${SEEDS} seeds (95 %)`,
    'the same with `ask: 5`',
    'rollout while down: new instances in rotation (0)',
    `maximum PINGs per failing run (${ASK})`,
    'PINGs while no check fails (0)',
    `longest query of peers (${PEERS_TIMEOUT} ms)`,
  ];
  const rows = wanted.map((promise, n) => [promise, ...kept.map((cells) => cells[n] as string)]);
  return [...parts, table(['', ...SIZES.map((size) => `${size.toLocaleString('en')} instances`)], rows)];
}
