import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { CONNECTIONS, IDLE_CONNECTIONS } from './measure.js';
import { pinned } from './process.js';

/** Shown instead of a figure if the peer's `most` is lower. */
const NOT_ASKED = '–';

const BUSY_TO_IDLE = 'liveness p99, application busy : idle';

const percentiles = { p50: (m) => m.p50, p99: (m) => m.p99, 'p99.9': (m) => m.p999 };

/** Targets of the project: ratios between two peers, or figures that are themselves ratios. */
const goals = [
  { of: '1 in flight', from: 'pongcheck', to: 'echo', atLeast: 0.95 },
  { of: '64 in flight', from: 'pongcheck', to: 'echo', atLeast: 0.9 },
  { of: '1 in flight', from: 'pongcheck', to: 'raw-echo', atLeast: 0.95 },
  { of: '64 in flight', from: 'pongcheck', to: 'raw-echo', atLeast: 0.95 },
  { of: '1024 in flight', from: 'pongcheck', to: 'raw-echo', atLeast: 0.95 },
  { of: '64 in flight', from: 'pongcheck', to: 'redis', atLeast: 2 },
  { of: 'idle connection, settled', from: 'pongcheck', to: 'echo', atMost: 1.2 },
  { of: '1 in flight', from: 'threads-1', to: 'pongcheck', atLeast: 0.97 },
  { of: '64 in flight', from: 'threads-1', to: 'pongcheck', atLeast: 0.97 },
  { of: '1024 in flight', from: 'threads-1', to: 'pongcheck', atLeast: 0.97 },
  { of: BUSY_TO_IDLE, from: 'threads-1', atMost: 2 },
];

/**
 * Formats the results as Markdown.
 * @param {object} options see options.js
 * @param {{ cells: object[], rounds: object[], memory: Map<object, number[]>, missing?: string[] }} results
 */
export function render(options, { cells, rounds, memory, missing = [] }) {
  const { peers, parts } = options;
  const seriesOf = (cell, figure) => (peer) =>
    rounds.flatMap((round) => round.cells.get(cell).get(peer) ?? []).map((measured) => figure(measured));
  const throughput = cells.filter((cell) => parts.includes('throughput') && cell.parts.includes('throughput'));
  const latency = cells.filter((cell) => parts.includes('latency') && cell.parts.includes('latency'));
  const application = cells.filter((cell) => cell.parts.includes('application'));
  const threaded = peers.filter(({ threads }) => threads !== undefined);
  const efficiency = throughput.map((cell) => ({ title: cell.title, series: seriesOf(cell, perCpuSecond) }));
  const limit = peers.find(({ name }) => name === 'limit');
  const sections = missing.length > 0 ? [missing.map((reason) => `- ${reason}`).join('\n')] : [];

  if (throughput.length > 0) {
    sections.push(
      '## Replies per second of server CPU',
      comparison(peers, limit ? efficiency.flatMap((column) => [column, ofThe(limit, column)]) : efficiency, count),
      '## Was the generator the bottleneck?',
      'The first figure is the share of time during which the server was working or waiting for its core. The second figure is the ' +
        'CPU work of the generator for the same replies, as a multiple of that of the server. If they are near 100 % and below 1, the ' +
        'server was always busy, and the generator could have sent more.',
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
  const beside = peers.filter(({ questions }) => questions);
  if (application.length > 0 && beside.length > 0) {
    sections.push('## Latency in µs beside an application', applicationTable(beside, application, seriesOf));
    const [idle, busy] = application.map((cell) => seriesOf(cell, (m) => m.p99));
    efficiency.push({ title: BUSY_TO_IDLE, series: (peer) => ratios(busy(peer), idle(peer)) });
  }
  if (rounds.length > 0 && threaded.length > 1) sections.push('## Thread overhead', threadTable(threaded, rounds));
  if (memory.size > 0) {
    const columns = [
      { title: 'idle connection, settled', series: (peer) => memory.get(peer).map(({ settled }) => settled) },
      { title: 'a second after the last accept', series: (peer) => memory.get(peer).map(({ soon }) => soon) },
    ];
    sections.push('## Resident memory per connection', comparison([...memory.keys()], columns, kibibytes));
    efficiency.push(...columns);
  }
  const reached = goalTable(peers, efficiency);
  if (reached) sections.unshift('## Goals', reached);
  return ['# Benchmark', ...sections, '## How to read it', explanation(options), '## Machine', machine(rounds)].join(
    '\n\n',
  );
}

/** The column with the ratios to the limit. */
function ofThe(limit, { title, series }) {
  return {
    title: `share of the limit, ${title}`,
    series: (peer) => ratios(series(peer), series(limit)),
    isRatio: true,
  };
}

/** A table with the ratio of the first peer to each other peer, followed by a row of absolute figures for each peer. */
function comparison(peers, columns, format) {
  const [first, ...others] = peers;
  return table(
    ['', ...columns.map((column) => column.title)],
    [
      ...others.map((other) => [
        `**${first.title} : ${other.title}**`,
        ...columns.map(({ series, isRatio }) =>
          isRatio ? '' : `**${spread(ratios(series(first), series(other)), ratio)}**`,
        ),
      ]),
      ...peers.map((peer) => [
        peer.title,
        ...columns.map(({ series, isRatio }) => spread(series(peer), isRatio ? ratio : format)),
      ]),
    ],
  );
}

function latencyTable(peers, cells, seriesOf) {
  const [first] = peers;
  return table(
    ['', '', ...Object.keys(percentiles)],
    cells.flatMap((cell) =>
      peers.map((peer) => [
        cell.title,
        peer.title,
        ...Object.values(percentiles).map((percentile) => {
          const series = seriesOf(cell, percentile);
          const figure = spread(series(peer), microseconds);
          return peer === first ? figure : `${figure} · ${ratio(median(ratios(series(first), series(peer))))}`;
        }),
      ]),
    ),
  );
}

/** The number after the dot is the figure beside the busy application divided by that beside the idle one. */
function applicationTable(peers, cells, seriesOf) {
  const idleOf = ({ question }) => cells.find((cell) => cell.question === question && !cell.isBusy);
  return table(
    ['', '', ...Object.keys(percentiles)],
    cells.flatMap((cell) =>
      peers.map((peer) => [
        cell.title,
        peer.title,
        ...Object.values(percentiles).map((percentile) => {
          const series = seriesOf(cell, percentile)(peer);
          const figure = spread(series, microseconds);
          const idle = seriesOf(idleOf(cell), percentile)(peer);
          return cell.isBusy ? `${figure} · ${ratio(median(ratios(series, idle)))}` : figure;
        }),
      ]),
    ),
  );
}

/**
 * A table with the difference between each number of threads and the previous one, followed by the absolute figures.
 */
function threadTable(peers, rounds) {
  const columns = [
    { figure: ({ ms }) => ms, format: milliseconds },
    { figure: ({ resident }) => resident, format: mebibytes },
    { figure: ({ warm }) => warm, format: mebibytes },
  ];
  const series = (peer, figure) => rounds.map(({ starts }) => figure(starts.get(peer)));
  return table(
    ['', '`start()`', 'resident memory after start', 'resident memory after warm-up'],
    [
      ...peers.slice(1).map((peer, index) => [
        `**${peer.title} minus ${peers[index].title}**`,
        ...columns.map(({ figure, format }) => {
          const before = series(peers[index], figure);
          return `**${spread(
            series(peer, figure).map((value, round) => value - before[round]),
            format,
          )}**`;
        }),
      ]),
      ...peers.map((peer) => [
        peer.title,
        ...columns.map(({ figure, format }) => spread(series(peer, figure), format)),
      ]),
    ],
  );
}

function goalTable(peers, columns) {
  const rows = goals.flatMap(({ of, from, to, atLeast, atMost }) => {
    const column = columns.find(({ title }) => title === of);
    const [peer, other] = [from, to].map((wanted) => peers.find(({ name }) => name === wanted));
    if (!column || !peer || (to !== undefined && !other)) return [];
    const series = column.series(peer);
    const seen = median(other ? ratios(series, column.series(other)) : series);
    const met = atLeast === undefined ? seen <= atMost : seen >= atLeast;
    const wanted = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
    return [
      [of, other ? `${peer.title} : ${other.title}` : peer.title, wanted, ratio(seen), met ? 'met' : '**missed**'],
    ];
  });
  return rows.length > 0 && table(['', 'ratio', 'goal', 'measured', ''], rows);
}

function explanation({ rounds, seconds, memoryRounds }) {
  return `- Each figure is the median of all rounds, followed by the minimum and maximum. A ratio is computed within each round, in which both
  sides are measured within seconds of each other. The table shows the median ratio. **Ratios are comparable between machines,
  absolute figures are not.** There are ${rounds} rounds of ${seconds} s per cell, each with new, warmed-up servers, and ${memoryRounds} rounds for memory.
- Server and generator are separate processes, ${pinned ? 'each pinned to its own core' : '**not pinned to cores here**'}, connected over loopback. Server CPU is the user and system
  time of all threads of the server, including the kernel time for its sockets.
- The load uses ${CONNECTIONS} connections. "N in flight" means N requests on each connection, sent in one write. The next N requests follow when all are
  answered. Requests and replies are 16-byte frames. Redis receives PING as RESP (14 bytes, with a reply of 7 bytes), which it parses faster
  than the inline form. Every byte of each reply is verified, including its id. gRPC is the standard health service on Node.js: one
  unary \`Check\` per request, over HTTP/2 with compressed headers, answered with SERVING. A batch is also sent in one write.
- The generator polls without pausing, so servers spend no time on waking it.
- Latency at "1 in flight" is that of a saturated server, because all ${CONNECTIONS} connections wait for the same core. "1 connection" is the
  round-trip time alone. At a fixed rate, the latency of a request is measured from the time when it was due. The number after the dot is the
  figure of the first peer divided by this figure.
- pongcheck runs one function check with the default schedule. HTTP and the limit on PINGs per second are disabled.
- Beside an application, ${CONNECTIONS} connections send 2,000 PINGs per second in total, for liveness or for readiness. The busy application blocks
  the event loop for 250 ms and then pauses for 62 ms, which uses 80 % of a core. The idle application does nothing. The server may use both
  cores, and the generator sleeps between requests. The number after the dot is the figure divided by that beside the idle application.
  Every second, the result of the check exceeds its \`maxAge\` (1 s, as no \`interval\` is set). Readiness then waits for a run, and therefore for
  the event loop of the application. Liveness never waits.
- Thread overhead shows the duration of \`start()\` on one core, and the resident memory of the process before and after its first 500 ms of load.
- Memory per connection is the growth of the server's resident set with ${IDLE_CONNECTIONS.toLocaleString('en')} connections, divided by their number, after one exchange on each. All
  Node.js servers run a garbage collection. "Settled" is 11 s later, when V8 has released the young generation that the burst of accepts
  required, and Redis has released its client buffers.`;
}

function machine(rounds) {
  const redis = versionOf('redis-server', ['--version'], /v=(\S+)/);
  const compiler = versionOf('cc', ['--version'], /^(.+)$/m);
  const { version } = manifest('../package.json');
  const grpc = manifest('../node_modules/@grpc/grpc-js/package.json').version;
  const waited = rounds.flatMap((round) =>
    [...round.cells.values()].flatMap((row) => [...row.values()].map(waitShare)),
  );
  const others =
    waited.length > 0
      ? `\n\nOther processes used the server's core for ${Math.round(100 * median(waited))} % of the time, which affects latencies but has little effect on CPU figures.`
      : '';
  return `${cpus()[0].model.trim()}, ${cpus().length} cores, ${process.platform} ${release().split('-')[0]} ${process.arch} · pongcheck ${version}, Node ${process.version}, Redis ${redis}, @grpc/grpc-js ${grpc}, ${compiler} · ${new Date().toISOString().slice(0, 10)}${others}\n`;
}

function manifest(path) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}

function versionOf(command, args, pattern) {
  try {
    return pattern.exec(execFileSync(command, args, { encoding: 'utf8' }))?.[1] ?? '(unknown version)';
  } catch {
    return '(not installed)';
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

/** Undefined if there are no values. */
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

function microseconds(value) {
  return value.toFixed(value < 100 ? 1 : 0);
}

function milliseconds(value) {
  return `${value.toFixed(0)} ms`;
}

function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function kibibytes(bytes) {
  return `${(bytes / 1024).toFixed(2)} KiB`;
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
