import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeOptionRows, optionRows } from '../../src/options/table.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { Authority } from '../live/certificate.js';

type Values = Record<string, unknown>;

const token = 'a-right-token-0123456789';
const other = 'another-token-0123456789';

/** Sets the option at `path` in a copy of `options`. */
function withOption(options: ServiceOptions, path: string, value: unknown): ServiceOptions {
  const copy = JSON.parse(JSON.stringify(options)) as Values;
  const keys = path.split('.');
  const last = keys.pop() as string;
  let at = copy;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Values;
  }
  at[last] = value;
  return copy as ServiceOptions;
}

/**
 * Replaces the wildcards of an option path with an entry of `base`. The listener at index 1 has TLS, the one at index 2
 * is a Unix socket; the module `web` is the one for HTTP.
 */
function pathInBase(path: string): string {
  const listener = path.includes('.tls.') ? 1 : path.endsWith('.mode') ? 2 : 0;
  return path.replace('[]', `.${listener}`).replace('*', path.endsWith('.path') ? 'web' : 'own');
}

/** A changed value for each option. Options of checks and the log options of `serve` are not options of the service. */
const changes: Readonly<Record<string, unknown>> = {
  listen: [],
  'listen[].url': 'pong://127.0.0.1:1',
  'listen[].idleTimeout': 5000,
  'listen[].mode': 0o600,
  'listen[].requireToken': true,
  'listen[].proxyProtocol.from': ['10.0.0.1'],
  'listen[].keepAlive.idle': 5000,
  'listen[].keepAlive.interval': 5000,
  'listen[].keepAlive.count': 5,
  'listen[].keepAlive.userTimeout': 5000,
  http: false,
  'http.host': '127.0.0.2',
  'http.port': 1,
  'http.maxConnections': 5,
  'http.maxConnectionsPerAddress': 5,
  grpc: false,
  'grpc.host': '127.0.0.2',
  'grpc.port': 1,
  'grpc.maxConnections': 5,
  'grpc.maxConnectionsPerAddress': 5,
  'probe.targets': ['10.0.0.1:*'],
  'probe.maxConcurrent': 5,
  'probe.modules.*.prober': 'http',
  'probe.modules.*.timeout': 5,
  'probe.modules.*.scope': 'liveness',
  'probe.modules.*.group': 'web',
  'probe.modules.*.checks': ['db'],
  'probe.modules.*.path': '/ready',
  'probe.modules.*.token': token,
  'probe.modules.*.tls.servername': 'shop.example',
  'peers.from': ['pongs://127.0.0.1:2'],
  'peers.ask': 5,
  'peers.timeout': 50,
  'peers.token': other,
  'peers.tls.servername': 'shop.example',
  'peers.tls.verify': false,
  'fleet.from': ['pongs://127.0.0.1:2'],
  'fleet.token': other,
  'fleet.tls.servername': 'shop.example',
  'fleet.tls.verify': false,
  'heartbeat.pingData': { a: 1 },
  'probe.modules.*.tls.rejectUnauthorized': false,
  'fleet.statusUrl': 'http://{host}:1/',
  'ping.timeout': 5,
  'ping.maxTimeout': 5000,
  'ping.staleLimit': 5000,
  'startup.grace': 5000,
  'history.file': '/nowhere/history',
  threads: 1,
  'loop.readinessStall': 1234,
  'loop.livenessStall': 12_345,
  'heartbeat.idleTimeout': 54_321,
  'heartbeat.pingInterval': 4321,
  'heartbeat.maxPingsOut': 5,
  'limits.frameTimeout': 5432,
  'limits.handshakeTimeout': 5432,
  'limits.maxHandshakes': 5,
  'limits.maxPending': 5,
  'limits.maxQueuedBytes': 654_321,
  'limits.stallTimeout': 5432,
  'limits.pingsPerSecond': 5,
  'limits.maxWatches': 5,
  'limits.maxWatchedSelections': 5,
  'limits.maxConnections': 5,
  'limits.maxConnectionsPerAddress': 5,
  'limits.ipv6Prefix': 56,
  'drain.grace': 54_321,
  'drain.delay': 5,
  detail: 'always',
  tokens: [token, other],
  serviceId: 'shop',
  releaseId: '2',
};

const folder = mkdtempSync(join(tmpdir(), 'pongcheck-reload-'));
const authority = new Authority();
afterAll(() => {
  rmSync(folder, { recursive: true });
  authority.remove();
});

/** Copies the file to another path. */
function copyOf(path: string): string {
  const copy = join(folder, `copy-${basename(path)}`);
  copyFileSync(path, copy);
  return copy;
}

const pair = authority.issue();
const serverTls = { ...pair, ca: authority.ca, minVersion: 'TLSv1.2' } as const;
const clientTls = { ...pair, ca: authority.ca };
const pem = (path: string) => readFileSync(path, 'utf8');
const pemTls = { ca: pem(authority.ca), cert: pem(pair.cert), key: pem(pair.key) };

const base: ServiceOptions = {
  listen: [
    { url: 'pong://127.0.0.1:0' },
    { url: 'pongs://127.0.0.1:0', tls: serverTls },
    { url: `pong+unix:${folder}/socket` },
  ],
  http: { port: 0, tls: serverTls },
  grpc: { port: 0, tls: serverTls },
  probe: { targets: ['127.0.0.1:*'], modules: { own: { prober: 'pongcheck', tls: pemTls }, web: { prober: 'http' } } },
  peers: { from: ['pongs://127.0.0.1:1'], tls: clientTls },
  fleet: { from: ['pongs://127.0.0.1:1'], tls: clientTls },
  tokens: [token],
};

function changeOf(path: string): unknown {
  const option = path.slice(path.lastIndexOf('.') + 1);
  if (path.endsWith('.tls.minVersion')) return 'TLSv1.3';
  if (!/\.tls\.(?:ca|cert|key)$/.test(path)) return changes[path];
  const file = serverTls[option as keyof typeof pair];
  return path.startsWith('probe.') ? `${pem(file)}\n` : copyOf(file);
}

describe('a reload that changes one option', () => {
  // Changes to options of checks are reported as changes of the check. The log options belong to the command.
  const paths = new Set([...optionRows, ...codeOptionRows].map(({ path, fileOnly }) => (fileOnly ? '' : path)));
  const tested = [...paths].filter((path) => !/^(?:$|checks\b|register$|log$|clock$)/.test(path));

  let service: Service;
  beforeAll(async () => {
    service = createService(base);
    await service.start();
  });
  afterAll(() => service.stop());

  it.each(tested)('reports %s once', async (path) => {
    await service.reload(base);
    const { changed, needsRestart } = await service.reload(withOption(base, pathInBase(path), changeOf(path)));
    const reported = [...changed, ...needsRestart].map((name) => name.replaceAll(/\[(\d)\]/g, '.$1'));
    expect(reported).toEqual([expect.any(String)]);
    expect(`${pathInBase(path)}.`).toMatch(new RegExp(`^${reported[0]}\\.`));
  });
});
