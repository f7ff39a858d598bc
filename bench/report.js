import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { CONNECTIONS, IDLE_CONNECTIONS } from './measure.js';
import { pinned } from './process.js';

/** In place of a figure of a peer whose `most` is lower. */
const NOT_ASKED = '–';

/** Targets of the project: ratios of the first peer to another. */
const goals = [
  { of: '1 in flight', to: 'echo', atLeast: 0.95 },
  { of: '64 in flight', to: 'echo', atLeast: 0.9 },
  { of: '64 in flight', to: 'redis', atLeast: 2 },
  { of: 'idle connection, settled', to: 'echo', atMost: 1.3 },
];

/**
 * The results as Markdown.
 * @param {object} options see options.js
 * @param {{ cells: object[], rounds: Map[], memory: Map<object, number[]> }} results
 */
export function render(options, { cells, rounds, memory }) {
  const { peers, parts } = options;
  const seriesOf = (cell, figure) => (peer) =>
    rounds.flatMap((round) => round.get(cell).get(peer) ?? []).map((measured) => figure(measured));
  const throughput = cells.filter((cell) => parts.includes('throughput') && cell.parts.includes('throughput'));
  const latency = cells.filter((cell) => parts.includes('latency') && cell.parts.includes('latency'));
  const efficiency = throughput.map((cell) => ({ title: cell.title, series: seriesOf(cell, perCpuSecond) }));
  const sections = [];

  if (throughput.length > 0) {
    sections.push(
      '## Replies per second of server CPU',
      comparison(peers, efficiency, count),
      '## Was the generator the bottleneck?',
      'The share of the time in which the server worked or waited for its core, and the work of the generator for the same ' +
        "replies as a multiple of the server's. Near 100 % and below 1: the server had always something to do, and the " +
        'generator could have given it more.',
      table(
        ['', ...throughput.map((cell) => cell.title)],
        peers.map((peer) => [
          peer.title,
          ...throughput.map((cell) => {
            const busy = median(seriesOf(cell, (m) => Math.min(1, (m.serverCpu + m.serverWait) / m.wall))(peer));
            const work = median(seriesOf(cell, (m) => m.generatorWork / m.serverCpu)(peer));
            return busy === undefined ? NOT_ASKED : `${Math.round(100 * busy)} %, ${work.toFixed(2)}`;
          }),
        ]),
      ),
    );
  }
  if (latency.length > 0) {
    sections.push('## Latency in µs', latencyTable(peers, latency, seriesOf));
  }
  if (memory.size > 0) {
    const columns = [
      { title: 'idle connection, settled', series: (peer) => memory.get(peer).map(({ settled }) => settled) },
      { title: 'a second after the last accept', series: (peer) => memory.get(peer).map(({ soon }) => soon) },
    ];
    sections.push('## Resident memory per connection', comparison(peers, columns, kibibytes));
    efficiency.push(...columns);
  }
  const judged = goalTable(peers, efficiency);
  if (judged) sections.unshift('## Goals', judged);
  return ['# Benchmark', ...sections, '## How to read it', explanation(options), '## Machine', machine(rounds)].join(
    '\n\n',
  );
}

/** A row of absolute figures for each peer, then the ratio of the first to each of the others. */
function comparison(peers, columns, format) {
  const [first, ...others] = peers;
  return table(
    ['', ...columns.map((column) => column.title)],
    [
      ...others.map((other) => [
        `**${first.title} : ${other.title}**`,
        ...columns.map(({ series }) => `**${spread(ratios(series(first), series(other)), ratio)}**`),
      ]),
      ...peers.map((peer) => [peer.title, ...columns.map(({ series }) => spread(series(peer), format))]),
    ],
  );
}

function latencyTable(peers, cells, seriesOf) {
  const [first] = peers;
  const percentiles = { p50: (m) => m.p50, p99: (m) => m.p99, 'p99.9': (m) => m.p999 };
  return table(
    ['', '', ...Object.keys(percentiles)],
    cells.flatMap((cell) =>
      peers.map((peer) => [
        cell.title,
        peer.title,
        ...Object.values(percentiles).map((percentile) => {
          const series = seriesOf(cell, percentile);
          const figure = spread(series(peer), (value) => value.toFixed(value < 100 ? 1 : 0));
          return peer === first ? figure : `${figure} · ${ratio(median(ratios(series(first), series(peer))))}`;
        }),
      ]),
    ),
  );
}

function goalTable(peers, columns) {
  const [first] = peers;
  const rows = goals.flatMap(({ of, to, atLeast, atMost }) => {
    const column = columns.find(({ title }) => title === of);
    const other = peers.find((peer) => peer.name === to);
    if (first.name !== 'pongcheck' || !column || !other) return [];
    const seen = median(ratios(column.series(first), column.series(other)));
    const met = atLeast === undefined ? seen <= atMost : seen >= atLeast;
    const wanted = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
    return [[of, `${first.title} : ${other.title}`, wanted, ratio(seen), met ? 'met' : '**missed**']];
  });
  return rows.length > 0 && table(['', 'ratio', 'goal', 'measured', ''], rows);
}

function explanation({ rounds, seconds, memoryRounds }) {
  return `- Each figure is the median of all rounds, followed by the minimum and maximum. A ratio is computed within each round, where both
  sides are measured within seconds of each other; the table has its median. **Ratios are comparable between machines,
  absolute figures are not.** ${rounds} rounds of ${seconds} s per cell, each with new, warmed-up servers; for memory ${memoryRounds} rounds.
- Server and generator are separate processes, ${pinned ? 'each pinned to its own core' : '**not pinned to cores here**'}, over loopback. Server CPU is the user and system
  time of all threads of the server, including the kernel's work for its sockets.
- The load is ${CONNECTIONS} connections. "N in flight" means N requests on each of them, sent in one write; the next N follow when all are answered.
  Requests and replies are frames of 16 bytes. Redis gets PING as RESP (14 bytes, with a reply of 7), which it parses faster
  than the inline form. Every byte of each reply is verified, including its id. gRPC is the standard health service on Node: one
  unary \`Check\` per request, over HTTP/2 with compressed headers, answered by SERVING; a batch goes out in one write as well.
- The generator polls without pausing, so no server spends time on waking it.
- Latency at "1 in flight" is that of a saturated server: all ${CONNECTIONS} connections wait for the same core. "1 connection" is the bare
  round trip. At a fixed rate, the latency of a request counts from the time when it was due. The number after the dot is the
  figure of the first peer, divided by this one.
- pongcheck runs one function check on its default schedule. HTTP and the limit of PINGs per second are disabled.
- Memory is the growth of the server's resident set with ${IDLE_CONNECTIONS.toLocaleString('en')} connections, divided by their number; each has had one exchange. All
  Node servers run a garbage collection. Settled is 11 s later, when V8 has released the young generation that the burst of
  accepts needed, and Redis the buffers of its clients.`;
}

function machine(rounds) {
  const redis = versionOf('redis-server', ['--version'], /v=(\S+)/);
  const compiler = versionOf('cc', ['--version'], /^(.+)$/m);
  const { version } = manifest('../package.json');
  const grpc = manifest('../node_modules/@grpc/grpc-js/package.json').version;
  const waited = rounds.flatMap((round) => [...round.values()].flatMap((row) => [...row.values()].map(waitShare)));
  const others =
    waited.length > 0
      ? `\n\nOther processes used the server's core for ${Math.round(100 * median(waited))} % of the time, which affects latencies but hardly CPU figures.`
      : '';
  return `${cpus()[0].model.trim()}, ${cpus().length} cores, ${process.platform} ${release().split('-')[0]} ${process.arch} · pongcheck ${version}, Node ${process.version}, Redis ${redis}, @grpc/grpc-js ${grpc}, ${compiler} · ${new Date().toISOString().slice(0, 10)}${others}\n`;
}

function manifest(path) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}

function versionOf(command, args, pattern) {
  try {
    return pattern.exec(execFileSync(command, args, { encoding: 'utf8' }))?.[1] ?? 'of unknown version';
  } catch {
    return 'not there';
  }
}

function perCpuSecond({ replies, serverCpu }) {
  return replies / serverCpu;
}

function waitShare({ serverWait, wall }) {
  return serverWait / wall;
}

function ratios(series, others) {
  if (series.length !== others.length) return [];
  return series.map((value, round) => value / others[round]);
}

/** undefined: of nothing. */
function median(values) {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function spread(values, format) {
  if (values.length === 0) return NOT_ASKED;
  const range = values.length > 1 ? ` (${format(Math.min(...values))} – ${format(Math.max(...values))})` : '';
  return format(median(values)) + range;
}

function ratio(value) {
  return value.toFixed(2);
}

function count(value) {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : `${Math.round(value / 1e3)} k`;
}

function kibibytes(bytes) {
  return `${(bytes / 1024).toFixed(2)} KiB`;
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
