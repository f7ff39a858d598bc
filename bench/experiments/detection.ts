import { type Host, Network } from '../../test/system/network.js';
import { now, type Program, passUntil } from '../../test/system/program.js';
import { Trial } from '../../test/system/trial.js';
import { PEERS, schemes } from './schemes.js';
import { spread, table } from './table.js';

/** How long a scheme is given to find the fault, in ms: more than twice its own limit. */
const OBSERVED = 25_000;
/** So many faults at a time: their networks have nothing to do with each other, but the processors are the same. */
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
  { name: 'host gone: packets swallowed', happen: swallow },
  { name: 'process frozen', happen: (_far, _near, victims) => Promise.all(victims.map((victim) => victim.freeze())) },
  { name: 'far end gone behind a TCP proxy', proxied: true, happen: (far) => far.pullCable() },
  { name: 'the same, data in flight', inFlight: true, proxied: true, happen: (far) => far.pullCable() },
  { name: 'packets swallowed, data in flight', inFlight: true, happen: swallow },
  { name: 'cable pulled, data in flight', inFlight: true, happen: (far) => far.pullCable() },
  {
    name: 'half-open: the far kernel forgot the connection',
    happen(far, near) {
      // Its RST is lost.
      const restore = near.drop();
      far.run('ss', '-K', 'state', 'established');
      restore();
    },
  },
  {
    name: 'alive but useless',
    happen(_far, _near, victims) {
      for (const victim of victims) victim.tell({ useless: true });
    },
  },
];

/** Detection time of every scheme for every fault. */
export async function detection(): Promise<string> {
  const rows: string[][] = [];
  for (let n = 0; n < faults.length; n += AT_ONCE) {
    const some = faults.slice(n, n + AT_ONCE);
    rows.push(...(await Promise.all(some.map(async (fault) => [fault.name, ...(await foundAfter(fault))]))));
  }
  return table(['fault', ...Object.keys(schemes)], rows);
}

async function foundAfter({ proxied, inFlight = false, happen }: Fault): Promise<string[]> {
  const trial = new Trial();
  try {
    const network = trial.network(new Network(proxied ? 3 : 2));
    const watches = [];
    for (const begin of Object.values(schemes)) watches.push(await begin({ trial, network, inFlight }));
    await passUntil(now() + 2500);
    const since = now();
    await happen(
      network.hosts.at(-1) as Host,
      network.host(0),
      watches.map(({ victim }) => victim),
    );
    await passUntil(since + OBSERVED);
    return watches.map(({ found }) => summary(found(), since));
  } finally {
    await trial.close();
  }
}

function summary(found: readonly { at: number; told: string }[], since: number): string {
  if (found.length === 0) return `not in ${OBSERVED / 1000} s`;
  const why = [...new Set(found.map(({ told }) => told))].join(', ');
  const many = found.length < PEERS ? `${found.length} of ${PEERS}: ` : '';
  return `${many}${spread(found.map(({ at }) => at - since))} (${why})`;
}
