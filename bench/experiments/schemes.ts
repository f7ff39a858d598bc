import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compiledPackage } from '../../test/cli/compiled.js';
import type { Host, Network } from '../../test/system/network.js';
import type { Program } from '../../test/system/program.js';
import type { Trial } from '../../test/system/trial.js';

export const PEERS = 10;
const linksProgram = join(process.cwd(), 'bench', 'experiments', 'programs', 'links.js');

/** A running scheme: the observer and the peers that it observes. */
export interface Watch {
  /** The observed peer at the far end. */
  victim: Program;
  /** When each fault was detected, and how the application was notified. */
  found(): { at: number; told: string }[];
}

/**
 * The hosts of an experiment. The observer is on the first one, the observed peer on the last one. If there are three,
 * a proxy is between them.
 */
export interface Place {
  trial: Trial;
  network: Network;
  /** Whether the server sends to its clients every second, regardless of the answers. */
  inFlight: boolean;
}

interface ServerScheme {
  listen?: object;
  heartbeat: object;
  plan: object;
}

const wanted = { heartbeat: { wantMs: 1 } };
const off = { idleTimeout: 0 };
const probes = { idle: 4000, interval: 1000, count: 5 };

/** The server observes its clients. Nothing is in flight when a fault begins, unless the scheme sends continuously. */
const serverSchemes: Record<string, ServerScheme> = {
  nothing: { heartbeat: off, plan: {} },
  'TCP keep-alive': { listen: { keepAlive: { ...probes, userTimeout: 0 } }, heartbeat: off, plan: {} },
  'with user timeout': { listen: { keepAlive: probes }, heartbeat: off, plan: {} },
  'idle timeout': { heartbeat: { idleTimeout: 5000 }, plan: { pingEvery: 1000 } },
  "server's PINGs": { heartbeat: { idleTimeout: 0, pingInterval: 1000, maxPingsOut: 3 }, plan: { hello: wanted } },
};

/** All schemes by name. Each function starts the observation. */
export const schemes: Record<string, (place: Place) => Promise<Watch>> = {
  ...Object.fromEntries(
    Object.entries(serverSchemes).map(([name, scheme]) => [name, (place: Place) => watchedByServer(place, scheme)]),
  ),
  "client's PINGs": watchedByClient,
};

async function watchedByServer({ trial, network, inFlight }: Place, scheme: ServerScheme): Promise<Watch> {
  const sending = inFlight ? { pingInterval: 1000, maxPingsOut: 0 } : {};
  const server = await trial.server(
    {
      listen: [{ url: 'pong://10.77.0.1:0', ...scheme.listen }],
      heartbeat: { ...sending, ...scheme.heartbeat },
    },
    { host: network.host(0) },
  );
  const to = await reached(trial, network, { host: '10.77.0.1', port: server.ports[0] as number }, '10.77.1.1');
  const plan = { ...(inFlight && { hello: wanted }), ...scheme.plan };
  const far = network.hosts.at(-1) as Host;
  const peers = await trial.peers({ to, count: PEERS, spread: 1000, ...plan }, far);
  return {
    victim: peers.program,
    found: () =>
      server.program
        .all('close')
        .map(({ at, reason, errno }) => ({ at, told: `${reason}${errno ? ` ${errno}` : ''}` })),
  };
}

/** The opposite direction: clients observe the server, which is at the far end. */
async function watchedByClient({ trial, network }: Place): Promise<Watch> {
  const host = `10.77.${network.hosts.length - 2}.2`;
  const server = await trial.server(
    { listen: [{ url: `pong://${host}:0` }], heartbeat: off },
    { host: network.hosts.at(-1) as Host },
  );
  const to = await reached(trial, network, { host, port: server.ports[0] as number }, '10.77.0.2');
  const client = pathToFileURL(join(compiledPackage(), 'dist', 'client.js')).href;
  const plan = { to: `pong://${to.host}:${to.port}`, count: PEERS, heartbeat: { interval: 1000, maxPingsOut: 3 } };
  const links = trial.program([process.execPath, linksProgram, client, JSON.stringify(plan)], {
    within: network.host(0).within,
  });
  await links.says('up');
  return {
    victim: server.program,
    found: () => [
      ...links.all('down').map(({ at, why }) => ({ at, told: why.replace(/[\d.]+:\d+/, 'the server') })),
      ...links.all('status').map(({ at, status }) => ({ at, told: `status ${status}` })),
    ],
  };
}

/** The address at which a server is reached: its own, or that of the proxy on the middle host. */
async function reached(trial: Trial, network: Network, to: { host: string; port: number }, proxyAddress: string) {
  if (network.hosts.length < 3) return to;
  const proxy = trial.node('tcp-proxy.js', [to.host, String(to.port)], { host: network.host(1) });
  return { host: proxyAddress, port: (await proxy.says('listening')).port as number };
}
