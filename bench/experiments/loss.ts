import { type Host, Network } from '../../test/system/network.js';
import { now, passUntil } from '../../test/system/program.js';
import { type PeersUnderTrial, type ServerUnderTrial, Trial } from '../../test/system/trial.js';
import { table } from './table.js';

const PEERS = 50;
const LOSS = '0.3';
const HOUR = 3_600_000;
const presets = { ordinary: 10_000, strict: 2250 };
/** How the kernels at both ends repeat what is not acknowledged. */
const kernels = { 'as they come': '0', 'tcp_thin_linear_timeouts = 1': '1' };

interface Line {
  preset: string;
  kernel: string;
  pingInterval: number;
  server: ServerUnderTrial;
  peers: PeersUnderTrial;
}

/** Living peers behind a line that loses 30 % of the segments each way: how many are called dead, all of them falsely. */
export async function loss(minutes: number): Promise<string> {
  const trial = new Trial();
  try {
    const lines: Line[] = [];
    for (const [kernel, linear] of Object.entries(kernels)) {
      const network = trial.network(new Network(2));
      for (const host of network.hosts) host.run('sysctl', '-qw', `net.ipv4.tcp_thin_linear_timeouts=${linear}`);
      for (const [preset, pingInterval] of Object.entries(presets)) {
        const ends = await connected(trial, network.hosts as [Host, Host], pingInterval);
        lines.push({ preset, kernel, pingInterval, ...ends });
      }
      const lossy = ['-m', 'statistic', '--mode', 'random', '--probability', LOSS];
      for (const host of network.hosts) host.drop(...lossy);
    }
    const since = now();
    await passUntil(since + minutes * 60_000);
    const rows = [];
    for (const line of lines) rows.push(await told(line, since, minutes));
    return table(
      ['preset', 'kernels', 'connections', 'PINGs answered', 'called dead, all falsely', 'a connection and hour'],
      rows,
    );
  } finally {
    await trial.close();
  }
}

async function connected(trial: Trial, [near, far]: [Host, Host], pingInterval: number) {
  const heartbeat = { idleTimeout: 0, pingInterval, maxPingsOut: 3 };
  const server = await trial.server({ listen: [{ url: 'pong://10.77.0.1:0' }], heartbeat }, { host: near });
  const to = { host: '10.77.0.1', port: server.ports[0] };
  const peers = await trial.peers({ to, count: PEERS, hello: { heartbeat: { wantMs: 1 } } }, far);
  return { server, peers };
}

async function told(line: Line, since: number, minutes: number): Promise<string[]> {
  const { preset, kernel, pingInterval, server, peers } = line;
  const until = now();
  const closes = server.program.all('close');
  const lived = closes.reduce((sum, { at }) => sum + at - since, 0) + (PEERS - closes.length) * (until - since);
  const { peers: list } = await peers.program.ask({ list: true }, 'peers');
  return [
    `${preset} (${pingInterval / 1000} s, 3 outstanding)`,
    kernel,
    `${PEERS} for ${minutes} min`,
    String(list.reduce((sum: number, { answered }: { answered: number }) => sum + answered, 0)),
    String(closes.length),
    ((closes.length * HOUR) / lived).toFixed(2),
  ];
}
