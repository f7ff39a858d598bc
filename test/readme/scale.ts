import { readFileSync } from 'node:fs';
import type { Probed } from '../../bench/experiments/probe.js';
import type { Requests } from '../../bench/experiments/requests.js';
import type { Table } from '../../bench/experiments/table.js';
import { readRoot, rootUrl, table } from './markdown.js';

interface Results {
  machine: string;
  probe: Probed[];
  requests: Requests;
  idle: Table[];
  fate: Table[];
}

const results: Results = JSON.parse(readFileSync(rootUrl('bench/experiments/results.json'), 'utf8'));

/** The cell of a table, by the beginning of its row and of its column. */
function cellOf({ head, rows }: Table, row: (cells: readonly string[]) => boolean, column: string): string {
  const at = head.findIndex((title) => title.startsWith(column));
  return rows.find(row)?.[at] as string;
}

const thousand = results.fate.find(({ head }) => head[0] === '1,000 instances') as Table;
const sharedFailure = ([scenario, onShared]: readonly string[]) => scenario === 'down for all' && onShared === 'warn';
const cpuOf = (kind: string) => results.requests.requests.find((one) => one.kind === kind)?.cpu as number;
const [probed] = results.probe as [Probed];
const [, kibibytes] = /^\| pongcheck(?:, `threads: 0`)? \| ([\d.]+) KiB/m.exec(
  readRoot('bench/RESULTS.md').split('## Resident memory per connection')[1] as string,
) as unknown as [string, string];

/** What was measured; CPU in seconds, memory in bytes, rates per second. */
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
  connection: Number(kibibytes) * 1024,
  /** CPU of a PING, where 10,000 clients send one every 10 s. */
  busyPing:
    Number.parseFloat(cellOf(results.idle[0] as Table, ([name]) => name === 'CPU, of one core', 'responder')) /
    100 /
    1000,
  /** Of one check of one instance with an interval of 5 s. */
  queries: Number.parseFloat(cellOf(thousand, sharedFailure, 'queries per second')) / 1000,
  /** The same, while its failure is shared. */
  peerPings: Number.parseFloat(cellOf(thousand, sharedFailure, 'PINGs among peers')) / 1000,
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
/** Time between two connections of a check to its dependency. */
const RECONNECT = 10;
const GIB = 2 ** 30;
const sizes = [10, 1000, 100_000];

/** Each figure, its formula in words, and as code. */
const formulas: readonly [string, string, (n: number) => string][] = [
  ['**Prometheus**', '', () => ''],
  ['scrapes per second', 'N / 15 s', (n) => few(n / SCRAPE)],
  ['CPU of an instance for them', 'scrape / 15 s', () => percent(measured.scrape / SCRAPE)],
  ['series', 'N × series of an instance', (n) => few(n * measured.series)],
  [
    'memory of all Prometheus servers, at least',
    'series × memory of a series',
    (n) => bytes(n * measured.series * measured.seriesMemory),
  ],
  [
    'servers, with 16 GiB each',
    'memory / 16 GiB',
    (n) => few(Math.ceil((n * measured.series * measured.seriesMemory) / (16 * GIB))),
  ],
  ['**`/probe`**', '', () => ''],
  ['probes per second', 'N / 15 s', (n) => few(n / SCRAPE)],
  ['CPU of the exporters, in cores', 'probes per second × probe', (n) => few((n / SCRAPE) * measured.probe)],
  ['exporters, each half busy', 'CPU / 0.5', (n) => few(Math.ceil(((n / SCRAPE) * measured.probe) / 0.5))],
  ['**Kubernetes**, readiness and liveness by HTTP every 10 s', '', () => ''],
  ['probes per second, on all nodes together', '2 × N / 10 s', (n) => few((2 * n) / KUBELET)],
  ['CPU of an instance for them', '2 × readiness probe / 10 s', () => percent((2 * measured.readyz) / KUBELET)],
  ['**Balancers**, two of them that check each instance every 2 s', '', () => ''],
  ['checks per second of one balancer', 'N / 2 s', (n) => few(n / BALANCER)],
  ['CPU of an instance for them', '2 × balancer check / 2 s', () => percent((2 * measured.line) / BALANCER)],
  ['**A database that all instances check**', '', () => ''],
  ['connections', 'N', (n) => few(n)],
  ['new connections per second', 'N / 10 s', (n) => few(n / RECONNECT)],
  ['queries per second, `interval` 5 s', 'N × queries of an instance', (n) => few(n * measured.queries)],
  [
    'queries per second, `interval` 30 s',
    'N × queries of an instance × 5 / 30',
    (n) => few((n * measured.queries * 5) / 30),
  ],
  [
    'PINGs among peers per second, while it is down, `interval` 5 s',
    'N × PINGs of an instance',
    (n) => few(n * measured.peerPings),
  ],
  ['**One responder that N instances check**, in place of the database', '', () => ''],
  ['PINGs per second, `interval` 5 s', 'N × queries of an instance', (n) => few(n * measured.queries)],
  ['CPU, in cores', 'PINGs per second × PING among 10,000', (n) => few(n * measured.queries * measured.busyPing)],
  ['memory of its connections', 'N × memory of a connection', (n) => bytes(n * measured.connection)],
  ['**One responder with N clients** that PING every 10 s', '', () => ''],
  ['PINGs per second', 'N / 10 s', (n) => few(n / HEARTBEAT)],
  ['CPU, in cores', 'PINGs per second × PING among 10,000', (n) => few((n / HEARTBEAT) * measured.busyPing)],
  ['memory of its connections', 'N × memory of a connection', (n) => bytes(n * measured.connection)],
];

const experiments = '[experiments](../bench/experiments/RESULTS.md)';
/** The tables of docs/scale.md. */
export const scaleTables = {
  machine: `${results.machine}.`,
  measured: table(
    ['', 'measured', 'by'],
    [
      ['scrape: `GET /metrics`, gzip', `${ms(measured.scrape)} of CPU`, `${experiments}, "What one request costs"`],
      ['series of an instance with 5 checks', few(measured.series), 'the same'],
      ['readiness probe: `GET /readyz`, new connection', `${ms(measured.readyz)} of CPU`, 'the same'],
      ['balancer check: `ping`, new connection', `${ms(measured.line)} of CPU`, 'the same'],
      ['PING on the only open connection', `${ms(measured.ping)} of CPU`, 'the same'],
      [
        'probe: `GET /probe`',
        `${ms(measured.probe)} of CPU of the exporter`,
        `${experiments}, "Probing 10,000 targets"`,
      ],
      [
        'exporter with 10,000 targets',
        `${bytes(measured.exporterMemory)}, ${few(measured.exporterSockets)} sockets at most, 99 of 100 probes within ${ms(probed.p99)}`,
        'the same',
      ],
      ['memory of a series in Prometheus', bytes(measured.seriesMemory), 'the same: without churn, rules and queries'],
      [
        'queries of an instance: one check, `interval` 5 s',
        `${few(measured.queries)} per second`,
        `${experiments}, "Shared fate"`,
      ],
      [
        'PINGs of an instance to peers, while the failure is shared',
        `${few(measured.peerPings)} per second`,
        'the same',
      ],
      [
        'PING on one of 10,000 open connections',
        `${ms(measured.busyPing)} of CPU`,
        `${experiments}, "10,000 idle connections"`,
      ],
      [
        'memory of a connection',
        bytes(measured.connection),
        '[benchmark](../bench/RESULTS.md), "Resident memory per connection"',
      ],
    ],
  ),
  probes: table(
    ['all targets stop at once', 'formula', ...[1000, 10_000, 100_000].map((n) => `${n.toLocaleString('en')} targets`)],
    [5, 2, 0.5].map((timeout) => [
      `probes at a time, timeout ${timeout} s`,
      `N / 15 s × ${timeout} s`,
      ...[1000, 10_000, 100_000].map((n) => few((n / SCRAPE) * timeout)),
    ]),
  ),
  costs: table(
    ['', 'formula', ...sizes.map((n) => `${n.toLocaleString('en')} instances`)],
    formulas.map(([name, formula, value]) => [name, formula, ...sizes.map(value)]),
  ),
};
