import { join } from 'node:path';
import { type Host, Network } from '../../test/system/network.js';
import { now, passUntil } from '../../test/system/program.js';
import { type ServerUnderTrial, Trial } from '../../test/system/trial.js';
import { type Shown, table } from './table.js';

const REQUESTS = 10;
const SILENCE = 20_000;
const url = 'pong://10.77.0.1:0';
const off = { idleTimeout: 0 };
const clientProgram = join(process.cwd(), 'bench', 'experiments', 'programs', 'http-client.js');

const ways = {
  'HTTP/1.0': { version: '1.0' },
  'HTTP/1.0, `Connection: keep-alive`': { version: '1.0', connection: 'keep-alive' },
  'HTTP/1.1': { version: '1.1' },
  'HTTP/1.1, `Connection: close`': { version: '1.1', connection: 'close' },
  'HTTP/1.1, the client closes after each response': { version: '1.1', leaves: true },
};

/** Measures for ten HTTP requests how many connections they use, and which side keeps them in TIME_WAIT. */
export async function httpKeepAlive(): Promise<Shown> {
  const rows: string[][] = [];
  for (const [name, way] of Object.entries(ways)) {
    const trial = new Trial();
    try {
      const [near, far] = trial.network(new Network(2)).hosts as [Host, Host];
      const server = await trial.server({ http: { host: '10.77.0.1', port: 0 } }, { host: near });
      const { http } = await server.program.says('listening');
      const plan = { to: { host: '10.77.0.1', port: Number(new URL(http).port) }, requests: REQUESTS, ...way };
      const client = trial.program([process.execPath, clientProgram, JSON.stringify(plan)], { within: far.within });
      const { connections } = await client.says('done');
      const at = (host: Host, state: string) => String(lines(host.run('ss', '-Htn', 'state', state)).length);
      rows.push([name, String(connections), at(far, 'established'), at(near, 'time-wait'), at(far, 'time-wait')]);
    } finally {
      await trial.close();
    }
  }
  return [
    table(
      [`${REQUESTS} requests`, 'connections', 'still open', 'TIME_WAIT on the server', 'TIME_WAIT on the client'],
      rows,
    ),
  ];
}

const keepAlive = { idle: 4000, interval: 1000, count: 5, userTimeout: 0 };
const pings = { idleTimeout: 0, pingInterval: 4000, maxPingsOut: 3 };

/** Shows for a connection without data what `ss -o` prints, and what is transferred. */
export async function silence(): Promise<Shown> {
  const kinds = {
    nothing: { server: { listen: [{ url }], heartbeat: off }, plan: {} },
    'TCP keep-alive, idle 4 s': { server: { listen: [{ url, keepAlive }], heartbeat: off }, plan: {} },
    'server PINGs every 4 s': {
      server: { listen: [{ url }], heartbeat: pings },
      plan: { hello: { heartbeat: { wantMs: 1 } } },
    },
  };
  const trial = new Trial();
  try {
    const [near, far] = trial.network(new Network(2)).hosts as [Host, Host];
    const running = [];
    for (const [name, { server: options, plan }] of Object.entries(kinds)) {
      const server = await trial.server(options, { host: near });
      const port = server.ports[0] as number;
      const peers = await trial.peers({ to: { host: '10.77.0.1', port }, ...plan }, far);
      running.push({ name, server, peers, look: () => socketInfo(near, port) });
    }
    await passUntil(now() + 1000);
    const before = running.map(({ look }) => look());
    await passUntil(now() + SILENCE);
    const rows: { name: string; server: ServerUnderTrial; cells: string[] }[] = [];
    for (const [n, { name, server, peers, look }] of running.entries()) {
      const [was, is] = [before[n] as SocketInfo, look()];
      const bytes = is.bytes - was.bytes;
      await peers.program.freeze();
      rows.push({ name, server, cells: [was.timer, String(is.segments - was.segments), String(bytes)] });
    }
    await passUntil(now() + SILENCE);
    const found = ({ program }: ServerUnderTrial) => program.all('close')[0]?.reason;
    return [
      table(
        ['silent for 20 s', '`ss -o` on the server', 'segments sent', 'bytes received', 'then frozen for 20 s'],
        rows.map(({ name, server, cells }) => [
          name,
          ...cells,
          found(server) ? `detected (${found(server)})` : 'not detected',
        ]),
      ),
    ];
  } finally {
    await trial.close();
  }
}

interface SocketInfo {
  timer: string;
  segments: number;
  bytes: number;
}

function socketInfo(host: Host, port: number): SocketInfo {
  const told = host.run('ss', '-Htino', 'state', 'established', 'sport', '=', `:${port}`);
  const number = (name: string) => Number(new RegExp(`\\b${name}:(\\d+)`).exec(told)?.[1] ?? 0);
  const [timer] = /timer:\([^)]*\)/.exec(told) ?? ['no timer'];
  return { timer: `\`${timer}\``, segments: number('segs_out'), bytes: number('bytes_received') };
}

const lines = (text: string) => text.split('\n').filter((line) => line.trim() !== '');
