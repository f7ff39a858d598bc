import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compiledPackage } from '../../test/cli/compiled.js';
import { type Host, Network } from '../../test/system/network.js';
import { now, type Program, passUntil } from '../../test/system/program.js';
import { Trial } from '../../test/system/trial.js';
import { type Shown, table } from './table.js';

const PEERS = 50;
const HOUR = 3_600_000;
const LOSSY = ['-m', 'statistic', '--mode', 'random', '--probability', '0.3'];
const RTO_MAX = 'net.ipv4.tcp_rto_max_ms';
const presets = { default: 10_000, strict: 2250 };
const linksProgram = join(process.cwd(), 'bench', 'experiments', 'programs', 'links.js');

interface Weather {
  name: string;
  /** The hosts that drop some of the packets that arrive: 0 is the server's, 1 the clients'. */
  lossy: number[];
  /** Kernel settings at both ends. */
  sysctl?: string;
}

const weathers: Weather[] = [
  { name: 'towards the clients', lossy: [1] },
  { name: 'towards the server', lossy: [0] },
  { name: 'in both directions', lossy: [0, 1] },
  { name: 'in both directions', lossy: [0, 1], sysctl: 'net.ipv4.tcp_thin_linear_timeouts=1' },
  { name: 'in both directions', lossy: [0, 1], sysctl: `${RTO_MAX}=4000` },
  { name: 'in both directions', lossy: [0, 1], sysctl: `${RTO_MAX}=1000` },
];

/** The connections with the same heartbeat in the same network conditions. */
interface Group {
  weather: Weather;
  near: Host;
  who: string;
  preset: string;
  port: number;
  /** Times at which each was declared dead. */
  dead(): number[];
  answered(): Promise<number>;
  /** Samples of the server kernel's retransmission timeout, in milliseconds. */
  timeouts: number[];
}

/** The results for 50 live peers on a lossy network. */
export interface Lost {
  readonly towards: string;
  readonly kernels: string;
  readonly who: string;
  readonly preset: string;
  readonly answered: number;
  /** Number of peers declared dead although they were alive. */
  readonly dead: number;
  /** Per hour in which a peer was alive. */
  readonly deadPerHour: number;
  /** Retransmission timeouts of the server's kernel in milliseconds: median, ninth decile, maximum. */
  readonly timeouts: readonly [number, number, number];
}

/** Measures how many live peers on a network that loses 30 % of the segments are declared dead, all of them wrongly. */
export async function loss(minutes: number): Promise<Lost[]> {
  const trial = new Trial();
  try {
    const groups: Group[] = [];
    const known = ({ sysctl = '' }: Weather) =>
      !sysctl.startsWith(RTO_MAX) || existsSync('/proc/sys/net/ipv4/tcp_rto_max_ms');
    for (const weather of weathers.filter(known)) groups.push(...(await begin(trial, weather)));
    const since = now();
    for (let minute = 0; minute < minutes; minute++) {
      await passUntil(Math.min(since + (minute + 1) * 60_000, since + minutes * 60_000));
      for (const group of groups) group.timeouts.push(...retransmissionTimeouts(group));
    }
    const until = now();
    return await Promise.all(groups.map((group) => row(group, since, until)));
  } finally {
    await trial.close();
  }
}

export function showLoss(rows: readonly Lost[]): Shown {
  return [
    table(
      [
        'loss',
        'kernel settings',
        'PINGs sent by',
        'preset',
        'PONGs',
        'declared dead',
        'per connection and hour',
        'retransmission timeout',
      ],
      rows.map(({ towards, kernels, who, preset, answered, dead, deadPerHour, timeouts }) => [
        towards,
        kernels,
        who,
        preset,
        String(answered),
        String(dead),
        deadPerHour.toFixed(2),
        `${timeouts.join(' / ')} ms`,
      ]),
    ),
  ];
}

async function begin(trial: Trial, weather: Weather): Promise<Group[]> {
  const network = trial.network(new Network(2));
  const [near, far] = network.hosts as [Host, Host];
  if (weather.sysctl) for (const host of network.hosts) host.run('sysctl', '-qw', weather.sysctl);
  const groups: Group[] = [];
  for (const preset of ['default', 'strict'] as const) {
    const pings = { idleTimeout: 0, pingInterval: presets[preset], maxPingsOut: 3 };
    for (const [who, heartbeat] of Object.entries({ server: pings, client: { idleTimeout: 0 } })) {
      const server = await trial.server({ listen: [{ url: 'pong://10.77.0.1:0' }], heartbeat }, { host: near });
      const port = server.ports[0] as number;
      const common = { weather, near, who, preset, port, timeouts: [] };
      if (who === 'server') {
        const to = { host: '10.77.0.1', port };
        const peers = await trial.peers({ to, count: PEERS, hello: { heartbeat: { wantMs: 1 } } }, far);
        groups.push({
          ...common,
          dead: () => at(server.program, 'close'),
          async answered() {
            const { peers: list } = await peers.program.ask({ list: true }, 'peers');
            return list.reduce((sum: number, { answered }: { answered: number }) => sum + answered, 0);
          },
        });
      } else {
        const client = pathToFileURL(join(compiledPackage(), 'dist', 'client.js')).href;
        const plan = JSON.stringify({ to: `pong://10.77.0.1:${port}`, count: PEERS, heartbeat: preset });
        const links = trial.program([process.execPath, linksProgram, client, plan], { within: far.within });
        await links.says('up');
        groups.push({
          ...common,
          dead: () => at(links, 'down'),
          answered: async () => (await links.ask({}, 'links')).answered,
        });
      }
    }
  }
  for (const n of weather.lossy) network.host(n).drop(...LOSSY);
  return groups;
}

const at = (program: Program, event: string) => program.all(event).map((said) => said.at);

function retransmissionTimeouts({ near, port }: Group): number[] {
  const told = near.run('ss', '-Htin', 'state', 'established', 'sport', '=', `:${port}`);
  return [...told.matchAll(/\brto:([\d.]+)/g)].map(([, ms]) => Number(ms));
}

async function row(group: Group, since: number, until: number): Promise<Lost> {
  const { weather, who, preset, timeouts } = group;
  const dead = group.dead();
  const lived = dead.reduce((sum, moment) => sum + moment - since, 0) + (PEERS - dead.length) * (until - since);
  const sorted = timeouts.sort((a, b) => a - b);
  const ms = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] as number);
  return {
    towards: weather.name,
    kernels: weather.sysctl ?? 'default',
    who,
    preset,
    answered: await group.answered(),
    dead: dead.length,
    deadPerHour: Number(((dead.length * HOUR) / lived).toFixed(3)),
    timeouts: [ms(0.5), ms(0.9), ms(1)],
  };
}
