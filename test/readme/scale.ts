import { readFileSync } from 'node:fs';
import type { Probed } from '../../bench/experiments/probe.js';
import type { Requests } from '../../bench/experiments/requests.js';
import type { Table } from '../../bench/experiments/table.js';
import { readRoot, rootUrl, rowOf, table } from './markdown.js';

interface Results {
  machine: string;
  probe: Probed[];
  requests: Requests;
  idle: Table[];
  fate: Table[];
}

const results: Results = JSON.parse(readFileSync(rootUrl('bench/experiments/results.json'), 'utf8'));

/** The cell in the row selected by `row` and in the column whose title starts with `column`. */
function cellOf({ head, rows }: Table, row: (cells: readonly string[]) => boolean, column: string): string {
  const at = head.findIndex((title) => title.startsWith(column));
  return rows.find(row)?.[at] as string;
}

const thousand = results.fate.find(({ head }) => head[0] === '1,000 instances') as Table;
const sharedFailure = ([scenario, onShared]: readonly string[]) => scenario === 'down for all' && onShared === 'warn';
const cpuOf = (kind: string) => results.requests.requests.find((one) => one.kind === kind)?.cpu as number;
const [probed] = results.probe as [Probed];
const [, memory] = rowOf(
  readRoot('bench/RESULTS.md').split('## Resident memory per connection')[1] as string,
  'pongcheck, `threads: 0`',
);

/** Measured values: CPU in seconds, memory in bytes, rates per second. */
export const measured = {
  scrape: cpuOf('metrics'),
  series: results.requests.series,
  readyz: cpuOf('readyz'),
  line: cpuOf('line'),
  ping: cpuOf('ping'),
  probe: probed.perProbe,
  seriesMemory: probed.prometheusMemory / probed.prometheusSeries,
  exporterMemory: probed.exporterMemory,
  exporterSockets: probed.sockets,
  connection: Number(/^(\S+) KiB /.exec(memory as string)?.[1]) * 1024,
  /** CPU per PING while 10,000 clients each send one every 10 s. */
  busyPing:
    Number.parseFloat(cellOf(results.idle[0] as Table, ([name]) => name === 'CPU, of one core', 'responder')) /
    100 /
    1000,
  /** For one check with an interval of 5 s, per instance. */
  queries: Number.parseFloat(cellOf(thousand, sharedFailure, 'queries per second')) / 1000,
  /** PINGs to peers per instance, during a shared failure of that check. */
  peerPings: Number.parseFloat(cellOf(thousand, sharedFailure, 'PINGs between peers')) / 1000,
};

const few = (value: number) => Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 20 });
const ms = (seconds: number) => `${few(seconds * 1000)} ms`;
const percent = (part: number) => `${few(part * 100)} %`;
function bytes(value: number): string {
  const [unit, size] = value < 2 ** 20 ? ['KiB', 2 ** 10] : value < 2 ** 30 ? ['MiB', 2 ** 20] : ['GiB', 2 ** 30];
  return `${few(value / (size as number))} ${unit}`;
}

const SCRAPE = 15;
const KUBELET = 10;
const BALANCER = 2;
const HEARTBEAT = 10;
/** Time between two connections of a check to its dependency, in seconds. */
const RECONNECT = 10;
const GIB = 2 ** 30;
const sizes = [10, 1000, 100_000];

/** Each figure, with its formula in words and in code. */
const formulas: readonly [string, string, (n: number) => string][] = [
  ['**Prometheus**', '', () => ''],
  ['scrapes per second', 'N / 15 s', (n) => few(n / SCRAPE)],
  ['CPU per instance', 'scrape / 15 s', () => percent(measured.scrape / SCRAPE)],
  ['series', 'N × series per instance', (n) => few(n * measured.series)],
  [
    'minimum memory of all Prometheus servers',
    'series × memory per series',
    (n) => bytes(n * measured.series * measured.seriesMemory),
  ],
  [
    'Prometheus servers with 16 GiB each',
    'memory / 16 GiB',
    (n) => few(Math.ceil((n * measured.series * measured.seriesMemory) / (16 * GIB))),
  ],
  ['**`/probe`**', '', () => ''],
  ['probes per second', 'N / 15 s', (n) => few(n / SCRAPE)],
  ['exporter CPU, in cores', 'probes per second × probe', (n) => few((n / SCRAPE) * measured.probe)],
  ['exporters at 50 % load', 'CPU / 0.5', (n) => few(Math.ceil(((n / SCRAPE) * measured.probe) / 0.5))],
  ['**Kubernetes**, readiness and liveness probes over HTTP every 10 s', '', () => ''],
  ['probes per second on all nodes', '2 × N / 10 s', (n) => few((2 * n) / KUBELET)],
  ['CPU per instance', '2 × readiness probe / 10 s', () => percent((2 * measured.readyz) / KUBELET)],
  ['**Load balancers**, two, each checking every instance every 2 s', '', () => ''],
  ['checks per second per balancer', 'N / 2 s', (n) => few(n / BALANCER)],
  ['CPU per instance', '2 × balancer check / 2 s', () => percent((2 * measured.line) / BALANCER)],
  ['**A database that all instances check**', '', () => ''],
  ['connections', 'N', (n) => few(n)],
  ['new connections per second', 'N / 10 s', (n) => few(n / RECONNECT)],
  ['queries per second, `interval` 5 s', 'N × queries per instance', (n) => few(n * measured.queries)],
  [
    'queries per second, `interval` 30 s',
    'N × queries per instance × 5 / 30',
    (n) => few((n * measured.queries * 5) / 30),
  ],
  [
    'PINGs between peers per second while it is down, `interval` 5 s',
    'N × PINGs per instance',
    (n) => few(n * measured.peerPings),
  ],
  ['**One responder that N instances check**, instead of the database', '', () => ''],
  ['PINGs per second, `interval` 5 s', 'N × queries per instance', (n) => few(n * measured.queries)],
  [
    'CPU, in cores',
    'PINGs per second × PING with 10,000 connections',
    (n) => few(n * measured.queries * measured.busyPing),
  ],
  ['connection memory', 'N × memory per connection', (n) => bytes(n * measured.connection)],
  ['**One responder with N clients** that each send a PING every 10 s', '', () => ''],
  ['PINGs per second', 'N / 10 s', (n) => few(n / HEARTBEAT)],
  ['CPU, in cores', 'PINGs per second × PING with 10,000 connections', (n) => few((n / HEARTBEAT) * measured.busyPing)],
  ['connection memory', 'N × memory per connection', (n) => bytes(n * measured.connection)],
];

const experiments = '[experiments](../bench/experiments/RESULTS.md)';
/** The tables in docs/scale.md. */
export const scaleTables = {
  machine: `${results.machine}.`,
  measured: table(
    ['', 'measured', 'source'],
    [
      [
        'scrape: `GET /metrics`, gzip',
        `${ms(measured.scrape)} of CPU time`,
        `${experiments}, "What one request costs"`,
      ],
      ['series per instance with 5 checks', few(measured.series), 'the same'],
      ['readiness probe: `GET /readyz`, new connection', `${ms(measured.readyz)} of CPU time`, 'the same'],
      ['balancer check: `ping`, new connection', `${ms(measured.line)} of CPU time`, 'the same'],
      ['PING on the only open connection', `${ms(measured.ping)} of CPU time`, 'the same'],
      ['probe: `GET /probe`', `${ms(measured.probe)} of exporter CPU time`, `${experiments}, "Probing 10,000 targets"`],
      [
        'exporter with 10,000 targets',
        `${bytes(measured.exporterMemory)}, ${few(measured.exporterSockets)} sockets at most, p99 of a probe ${ms(probed.p99)}`,
        'the same',
      ],
      ['memory per series in Prometheus', bytes(measured.seriesMemory), 'the same, without churn, rules and queries'],
      [
        'queries per instance: one check, `interval` 5 s',
        `${few(measured.queries)} per second`,
        `${experiments}, "Shared fate"`,
      ],
      ['PINGs per instance to peers, during a shared failure', `${few(measured.peerPings)} per second`, 'the same'],
      [
        'PING with 10,000 connections',
        `${ms(measured.busyPing)} of CPU time`,
        `${experiments}, "10,000 idle connections"`,
      ],
      [
        'memory per connection',
        bytes(measured.connection),
        '[benchmark](../bench/RESULTS.md), "Resident memory per connection"',
      ],
    ],
  ),
  probes: table(
    [
      'all targets stop responding',
      'formula',
      ...[1000, 10_000, 100_000].map((n) => `${n.toLocaleString('en')} targets`),
    ],
    [5, 2, 0.5].map((timeout) => [
      `concurrent probes, timeout ${timeout} s`,
      `N / 15 s × ${timeout} s`,
      ...[1000, 10_000, 100_000].map((n) => few((n / SCRAPE) * timeout)),
    ]),
  ),
  costs: table(
    ['', 'formula', ...sizes.map((n) => `${n.toLocaleString('en')} instances`)],
    formulas.map(([name, formula, value]) => [name, formula, ...sizes.map(value)]),
  ),
};
