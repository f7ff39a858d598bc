import { Network } from '../../test/system/network.js';
import { now, passUntil } from '../../test/system/program.js';
import { Trial } from '../../test/system/trial.js';
import { table } from './table.js';

const PEERS = 50;
const LOSS = '0.3';
const YEAR_S = 31_557_600;
const presets = { ordinary: 10_000, strict: 2250 };

/** Living peers behind a line that loses 30 % of the segments each way: how many are called dead, all of them falsely. */
export async function loss(minutes: number): Promise<string> {
  const trial = new Trial();
  try {
    const network = trial.network(new Network(2));
    const [near, far] = [network.host(0), network.host(1)];
    const running = [];
    for (const [name, pingInterval] of Object.entries(presets)) {
      const heartbeat = { idleTimeout: 0, pingInterval, maxPingsOut: 3 };
      const server = await trial.server({ listen: [{ url: 'pong://10.77.0.1:0' }], heartbeat }, { host: near });
      const to = { host: '10.77.0.1', port: server.ports[0] };
      const peers = await trial.peers({ to, count: PEERS, hello: { heartbeat: { wantMs: 1 } } }, far);
      running.push({ name, pingInterval, server, peers });
    }
    for (const host of [near, far]) host.drop('-m', 'statistic', '--mode', 'random', '--probability', LOSS);
    const since = now();
    await passUntil(since + minutes * 60_000);
    const until = now();
    const rows = [];
    for (const { name, pingInterval, server, peers } of running) {
      const { list } = await server.program.ask({ list: true }, 'connections');
      const closes = server.program.all('close');
      const seconds = (closes.reduce((sum, { at }) => sum + at - since, 0) + list.length * (until - since)) / 1000;
      const told = (await peers.program.ask({ list: true }, 'peers')).peers as { answered: number }[];
      const trips = list.flatMap(({ roundTrip }: { roundTrip?: { smoothed: number } }) => roundTrip?.smoothed ?? []);
      rows.push([
        `${name} (${pingInterval / 1000} s, 3 outstanding)`,
        `${PEERS} for ${minutes} min`,
        String(told.reduce((sum, { answered }) => sum + answered, 0)),
        String(closes.length),
        `${((closes.length * YEAR_S) / seconds).toFixed(0)}`,
        `${(trips.reduce((a: number, b: number) => a + b, 0) / trips.length).toFixed(0)} ms`,
      ]);
    }
    return table(
      [
        'preset',
        'connections',
        'PINGs answered',
        'called dead, all falsely',
        'that is, a connection and year',
        'round trip, smoothed, mean',
      ],
      rows,
    );
  } finally {
    await trial.close();
  }
}
