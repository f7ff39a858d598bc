import { type Host, Network } from '../../test/system/network.js';
import { now, type Program, passUntil } from '../../test/system/program.js';
import { Trial } from '../../test/system/trial.js';
import { PEERS, schemes } from './schemes.js';
import { type Range, rangeOf, type Shown, seconds, table } from './table.js';

/** Maximum time for a scheme to detect the fault in milliseconds, more than twice its own limit. */
const OBSERVED = 25_000;
/** Number of faults tested at the same time. Their networks are independent, but they share the processors. */
const AT_ONCE = 3;

interface Fault {
  name: string;
  inFlight?: boolean;
  proxied?: boolean;
  happen(far: Host, near: Host, victims: Program[]): unknown;
}

function swallow(far: Host, near: Host): void {
  far.drop();
  near.drop();
}

const faults: Fault[] = [
  { name: 'process killed', happen: (_far, _near, victims) => Promise.all(victims.map((victim) => victim.kill())) },
  { name: 'host gone: packets dropped', happen: swallow },
  { name: 'process frozen', happen: (_far, _near, victims) => Promise.all(victims.map((victim) => victim.freeze())) },
  { name: 'peer gone behind a TCP proxy', proxied: true, happen: (far) => far.pullCable() },
  { name: 'the same, data in flight', inFlight: true, proxied: true, happen: (far) => far.pullCable() },
  { name: 'packets dropped, data in flight', inFlight: true, happen: swallow },
  { name: 'cable pulled, data in flight', inFlight: true, happen: (far) => far.pullCable() },
  {
    name: 'half-open: the peer kernel lost the connection',
    happen(far, near) {
      // The RST is lost.
      const restore = near.drop();
      far.run('ss', '-K', 'state', 'established');
      restore();
    },
  },
  {
    name: 'alive but failing',
    happen(_far, _near, victims) {
      for (const victim of victims) victim.send({ failing: true });
    },
  },
];

/** Detection times of a scheme's peers in seconds from the fault, and the notifications of the application. */
interface Found extends Range {
  readonly peers: number;
  readonly why: readonly string[];
}

/** A fault, with the detection times by scheme; null if it was not detected within the observation time. */
export interface Detected {
  readonly fault: string;
  readonly schemes: Readonly<Record<string, Found | null>>;
}

/** Measures the detection time of each scheme for each fault. */
export async function detection(): Promise<Detected[]> {
  const rows: Detected[] = [];
  for (let n = 0; n < faults.length; n += AT_ONCE) {
    const some = faults.slice(n, n + AT_ONCE);
    rows.push(
      ...(await Promise.all(some.map(async (fault) => ({ fault: fault.name, schemes: await foundAfter(fault) })))),
    );
  }
  return rows;
}

export function showDetection(rows: readonly Detected[]): Shown {
  const names = Object.keys(rows[0]?.schemes ?? {});
  const cells = (found: Found | null | undefined) => {
    if (!found) return `not within ${OBSERVED / 1000} s`;
    const many = found.peers < PEERS ? `${found.peers} of ${PEERS}: ` : '';
    return `${many}${seconds(found)} (${found.why.join(', ')})`;
  };
  return [
    table(
      ['fault', ...names],
      rows.map(({ fault, schemes }) => [fault, ...names.map((name) => cells(schemes[name]))]),
    ),
  ];
}

async function foundAfter({ proxied, inFlight = false, happen }: Fault): Promise<Detected['schemes']> {
  const trial = new Trial();
  try {
    const network = trial.network(new Network(proxied ? 3 : 2));
    const watches = new Map<string, Awaited<ReturnType<(typeof schemes)[keyof typeof schemes]>>>();
    for (const [name, begin] of Object.entries(schemes)) watches.set(name, await begin({ trial, network, inFlight }));
    await passUntil(now() + 2500);
    const since = now();
    await happen(
      network.hosts.at(-1) as Host,
      network.host(0),
      [...watches.values()].map(({ victim }) => victim),
    );
    await passUntil(since + OBSERVED);
    return Object.fromEntries([...watches].map(([name, { found }]) => [name, summary(found(), since)]));
  } finally {
    await trial.close();
  }
}

function summary(found: readonly { at: number; told: string }[], since: number): Found | null {
  if (found.length === 0) return null;
  const why = [...new Set(found.map(({ told }) => told))];
  return { peers: found.length, ...rangeOf(found.map(({ at }) => at - since)), why };
}
