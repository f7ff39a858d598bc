import type { CheckSettings } from '../../src/health/check.js';
import { CHECK_TIMEOUT, Fleet, INTERVAL, type Instance, PEERS_TIMEOUT, type Sample, seeded } from './fleet.js';
import { spread, table } from './table.js';

/** Begin of the fault, and end, in milliseconds of simulated time. */
const FAULT = 20_000;
const END = 80_000;
/** Time from the fault in which all instances must have their final verdict. */
const BOUND = 2 * INTERVAL + CHECK_TIMEOUT + PEERS_TIMEOUT;
const FLAP = 8000;
const SIZES = [50, 1000];

const variants: Record<string, CheckSettings> = {
  fail: {},
  warn: { onShared: 'warn' },
  'warn, fall: 3': { onShared: 'warn', fall: 3 },
};

type Scenario = (fleet: Fleet) => void;

const isEven = (fleet: Fleet, instance: Instance) => fleet.instances.indexOf(instance) % 2 === 0;

/** The database of these instances answers from now on, or does not. */
function set(fleet: Fleet, works: boolean, affected: (n: number) => boolean = () => true): void {
  for (const [n, instance] of fleet.instances.entries()) if (affected(n)) instance.works = works;
  fleet.sample();
}

function partition(fleet: Fleet): void {
  const half = new Map(fleet.instances.map((instance) => [instance, isEven(fleet, instance)]));
  fleet.reaches = (from, to) => half.get(from) === half.get(to);
}

const scenarios: Record<string, Scenario> = {
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
};

async function simulate(size: number, settings: CheckSettings, scenario: Scenario, seed = 1): Promise<Fleet> {
  const fleet = new Fleet(size, settings, seeded(seed));
  await fleet.clock.runUntil(FAULT);
  fleet.sample();
  scenario(fleet);
  await fleet.clock.runUntil(END);
  return fleet;
}

/** Values of the samples in force from one time to another. */
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
  /** Lowest share in rotation until the bound, and from then on. */
  early: number;
  late: number;
  useless: number;
  /** Highest share of the instances without database that are in rotation, from the bound on. */
  broken: number;
  mostPings: number;
  pingsBefore: number;
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
    useless: Math.max(...late(({ useless }) => useless)),
    broken: Math.max(...late(({ brokenInRotation }) => brokenInRotation)),
    mostPings: Math.max(0, ...rounds.map(({ pings }) => pings)),
    pingsBefore: fleet.pings.filter((at) => at < FAULT).length,
    longestRound: Math.max(0, ...rounds.map(({ ms }) => ms)),
    queries: [perSecond(fleet.queries, FAULT / 2, FAULT), perSecond(fleet.queries, FAULT, END)],
    settledAfter: Math.max(FAULT, ...changes.map(({ at }) => at)) - FAULT,
    newInRotation: Math.max(...values(fleet, FAULT, END, ({ newInRotation }) => newInRotation)),
  };
}

function row(outcome: Outcome): string[] {
  const { fleet, early, late, useless, mostPings, longestRound, queries, settledAfter } = outcome;
  const first = fleet.instances.map(({ rounds }) => rounds[0]).filter((round) => round !== undefined);
  return [
    percent(early),
    percent(late),
    percent(useless),
    perSecond(fleet.pings, FAULT, END).toFixed(1),
    String(mostPings),
    first.length > 0 ? spread(first.map(({ at }) => at - FAULT)) : '-',
    longestRound > 0 ? `${Math.round(longestRound)} ms` : '-',
    `${(settledAfter / 1000).toFixed(1)} s`,
    queries.map((rate) => rate.toFixed(1)).join(' / '),
  ];
}

/** What `onShared` does to a fleet, with the checks and peers as they run, on a simulated clock and network. */
export async function fate(): Promise<string> {
  const parts: string[] = [];
  for (const size of SIZES) {
    const outcomes = new Map<string, Outcome>();
    const rows: string[][] = [];
    for (const [name, scenario] of Object.entries(scenarios)) {
      for (const [variant, settings] of Object.entries(variants)) {
        const outcome = outcomeOf(await simulate(size, settings, scenario));
        outcomes.set(`${name}: ${variant}`, outcome);
        rows.push([name, variant, ...row(outcome)]);
      }
    }
    parts.push(
      table(
        [
          `${size.toLocaleString('en')} instances`,
          '`onShared`',
          `lowest share in rotation, first ${BOUND / 1000} s`,
          'later',
          'of those, without database, later, at most',
          'PINGs among peers per second',
          'of one run, at most',
          'fault to first verdict, min / median / max',
          'longest round of answers',
          'last change of rotation',
          'queries per second, before / during',
        ],
        rows,
      ),
    );
  }
  return parts.join('\n\n');
}
