import { type Host, Network } from '../../test/system/network.js';
import { now, passUntil } from '../../test/system/program.js';
import { type PeersUnderTrial, type ServerUnderTrial, Trial } from '../../test/system/trial.js';
import { spread, table } from './table.js';

const PEERS = 10;
/** How long a scheme is given to find the fault, in ms: more than twice its own limit. */
const OBSERVED = 25_000;

interface Scheme {
  listen: object;
  heartbeat: object;
  plan: object;
}

const url = 'pong://10.77.0.1:0';
const wanted = { heartbeat: { wantMs: 1 } };
const off = { idleTimeout: 0 };
const probes = { idle: 4000, interval: 1000, count: 5 };

/** Nothing is in flight when a fault begins, but for who sends all the time anyway. */
const schemes: Record<string, Scheme> = {
  nothing: { listen: { url }, heartbeat: off, plan: {} },
  'TCP keep-alive': { listen: { url, keepAlive: { ...probes, userTimeout: 0 } }, heartbeat: off, plan: {} },
  'keep-alive + user timeout': { listen: { url, keepAlive: probes }, heartbeat: off, plan: {} },
  'idle timeout': { listen: { url }, heartbeat: { idleTimeout: 5000 }, plan: { pingEvery: 1000 } },
  'PINGs of the server': {
    listen: { url },
    heartbeat: { idleTimeout: 0, pingInterval: 1000, maxPingsOut: 3 },
    plan: { hello: wanted },
  },
};

/** The same, where the server sends to the peer each second, whoever looks at the answers. */
function sending({ listen, heartbeat, plan }: Scheme): Scheme {
  return { listen, heartbeat: { pingInterval: 1000, maxPingsOut: 0, ...heartbeat }, plan: { hello: wanted, ...plan } };
}

interface Fault {
  name: string;
  inFlight?: boolean;
  proxied?: boolean;
  happen(far: Host, near: Host, peers: PeersUnderTrial[]): unknown;
}

const faults: Fault[] = [
  { name: 'process killed', happen: (_far, _near, peers) => Promise.all(peers.map(({ program }) => program.kill())) },
  { name: 'process frozen', happen: (_far, _near, peers) => Promise.all(peers.map(({ program }) => program.freeze())) },
  {
    name: 'packets swallowed, nothing in flight',
    happen(far, near) {
      far.drop();
      near.drop();
    },
  },
  {
    name: 'packets swallowed, data in flight',
    inFlight: true,
    happen(far, near) {
      far.drop();
      near.drop();
    },
  },
  { name: 'cable pulled, data in flight', inFlight: true, happen: (far) => far.pullCable() },
  { name: 'far end gone behind a TCP proxy', proxied: true, happen: (far) => far.pullCable() },
  {
    name: 'the same, data in flight',
    inFlight: true,
    proxied: true,
    happen: (far) => far.pullCable(),
  },
];

/** Detection time of every scheme for every fault. */
export async function detection(): Promise<string> {
  const rows: string[][] = [];
  for (const fault of faults) rows.push([fault.name, ...(await foundAfter(fault))]);
  return table(['fault', ...Object.keys(schemes)], rows);
}

async function foundAfter(fault: Fault): Promise<string[]> {
  const trial = new Trial();
  try {
    const network = trial.network(new Network(fault.proxied ? 3 : 2));
    const near = network.host(0);
    const far = network.hosts.at(-1) as Host;
    const servers: ServerUnderTrial[] = [];
    const peers: PeersUnderTrial[] = [];
    for (const scheme of Object.values(schemes)) {
      const { listen, heartbeat, plan } = fault.inFlight ? sending(scheme) : scheme;
      const server = await trial.server({ listen: [listen], heartbeat }, { host: near });
      let to = { host: '10.77.0.1', port: server.ports[0] };
      if (fault.proxied) {
        const proxy = trial.node('tcp-proxy.js', [to.host, String(to.port)], { host: network.host(1) });
        to = { host: '10.77.1.1', port: (await proxy.says('listening')).port };
      }
      servers.push(server);
      peers.push(await trial.peers({ to, count: PEERS, spread: 1000, ...plan }, far));
    }
    await passUntil(now() + 2500);
    const since = now();
    await fault.happen(far, near, peers);
    await passUntil(since + OBSERVED);
    return servers.map(({ program }) => found(program.all('close'), since));
  } finally {
    await trial.close();
  }
}

function found(closes: readonly { at: number; [detail: string]: unknown }[], since: number): string {
  if (closes.length === 0) return `not in ${OBSERVED / 1000} s`;
  const why = [...new Set(closes.map(({ reason, errno }) => `${reason}${errno ? ` ${errno}` : ''}`))].join(', ');
  const many = closes.length < PEERS ? `${closes.length} of ${PEERS}: ` : '';
  return `${many}${spread(closes.map(({ at }) => at - since))} (${why})`;
}
