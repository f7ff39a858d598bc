// `npm run experiments`: measures what the tests do not assert. Writes RESULTS.md and the tables in HEARTBEATS.md.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { accuracy, showAccuracy } from './accuracy.js';
import { attack } from './attack.js';
import { detection, showDetection } from './detection.js';
import { fate } from './fate.js';
import { httpLoad } from './http-load.js';
import { idleCost } from './idle-cost.js';
import { innocence, showInnocence } from './innocence.js';
import { httpKeepAlive, silence } from './keep-alives.js';
import { loss, showLoss } from './loss.js';
import { heartbeatTables, withTables } from './page.js';
import { probe, showProbe } from './probe.js';
import { requests, showRequests } from './requests.js';
import { showStart, start } from './start.js';
import { showStatusPage, statusPage } from './status-page.js';
import { sweep } from './sweep.js';
import { markdown, type Shown } from './table.js';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, only: { type: 'string' }, show: { type: 'boolean' } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not ${values.minutes}`);

interface Experiment {
  title: string;
  description: string;
  measure(): Promise<unknown>;
  show(data: unknown): Shown;
}

/** `show` creates the tables from the data that `measure` returned, which is stored as JSON. */
function experiment<Data>(
  title: string,
  description: string,
  measure: () => Promise<Data>,
  show: (data: Data) => Shown,
): Experiment {
  return { title, description, measure, show: (data) => show(data as Data) };
}

const asMeasured = (shown: Shown) => shown;

const experiments: Record<string, Experiment> = {
  http: experiment(
    'HTTP keep-alive',
    'Ten sequential requests to `GET /livez` between two hosts.',
    httpKeepAlive,
    asMeasured,
  ),
  silence: experiment(
    'TCP keep-alive and heartbeats',
    'Connections without data. At the end, the process of the peer is frozen, while its kernel continues to run.',
    silence,
    asMeasured,
  ),
  detection: experiment(
    'Detection times',
    'Time from the fault to its report, min / median / max of ten peers, with the error that the application receives. Settings: ' +
      'TCP keep-alive with an idle time of 4 s and 5 probes at intervals of 1 s, without a user timeout and with the default of 9 s; an idle timeout of 5 s with a client PING every second; ' +
      'server or client PINGs every second, at most 3 unanswered. The connections had been silent for 2.5 to 3.5 s before the fault, which counts towards keep-alive. ' +
      'A server that closes a connection reports this when the connection has ended: up to 1 s after its FIN, unless a proxy acknowledges the FIN. ' +
      '"Data in flight" means that the server sends data to the peer every second, regardless of the side that detects the fault.',
    detection,
    showDetection,
  ),
  accuracy: experiment(
    'Accuracy of the idle timeout',
    'Time from the last byte that the client sent to the FIN that it received, measured by the client.',
    accuracy,
    showAccuracy,
  ),
  innocence: experiment(
    'False closes',
    'Number of living clients, out of 20, whose connections were closed, and the time from the start of the problem until the connection of an additional, silent client was closed.',
    innocence,
    showInnocence,
  ),
  loss: experiment(
    '30 % packet loss',
    '50 living peers in each case, for 10 minutes (`--minutes`). Either the server sends PINGs, or the clients do, with `openLink`. iptables drops arriving segments. ' +
      'A peer that was declared dead does not reconnect, and no longer counts towards the rate. The last column shows the retransmission timeout of the server kernel, sampled every minute: median, 90th percentile and maximum.',
    () => loss(minutes),
    showLoss,
  ),
  idle: experiment(
    '10,000 idle connections',
    'Server and clients run on one machine. The echo server changes one byte of each read and validates nothing, so its cost is that of Node.js and the kernel.',
    idleCost,
    asMeasured,
  ),
  sweep: experiment(
    'Sweep duration',
    'Connections without sockets, each with HELLO and server PINGs every 10 s. A slice is the part of a sweep that runs without yielding to the event loop.',
    sweep,
    asMeasured,
  ),
  attack: experiment(
    '100,000 hostile connections',
    'The connections send random, truncated, corrupted or interleaved data, in pieces, and end in every possible way, or stay open. ' +
      'Meanwhile, a regular client sends a PING every 5 ms. All run on one machine and share its cores. The figures are medians of the rounds.',
    attack,
    asMeasured,
  ),
  fate: experiment(
    'Shared fate',
    'Many instances of one service, whose check `db` (interval 5 s, timeout 800 ms) queries 11 peers within 300 ms. Checks, states and peers run the code of the package, on a simulated clock and a simulated network with a one-way delay of 0.2 to 5 ms. ' +
      'After the fault, the database does not respond for 35 s. An instance is in rotation while its readiness is pass or warn. The check interval of the load balancer is not included. ' +
      '"In two halves" means that the instances in one half cannot reach those in the other half. A rollout starts 20 % additional instances, 10 to 20 s after the fault.',
    fate,
    asMeasured,
  ),
  probe: experiment(
    'Probing 10,000 targets',
    'Prometheus scrapes `/probe` of one exporter for 10,000 targets every 15 s, with the prober `pongcheck` and a timeout of 2 s. The measurement takes one minute and starts after the second round. The targets are addresses of the host, served by one responder with 5 checks or by a program that never responds. All run on one machine and share its cores.',
    probe,
    showProbe,
  ),
  requests: experiment(
    'What one request costs',
    'CPU time of a responder with 5 checks and one PING thread, minus its CPU time without requests. There is one request at a time: 100 per second, or one every 300 ms for `/metrics`. The figures include waking up the process, which is less frequent under load.',
    requests,
    showRequests,
  ),
  start: experiment(
    'Process start',
    'Complete processes, from start to exit: medians of 10 batches of 10, with alternating commands. `node -e 0` is the lower limit: Node.js without a program. Loading `node:net`, connecting and writing a line takes 1.1 times as long on Node.js 20, and 1.2 times on Node.js 24, which itself starts in less than half the time.',
    start,
    showStart,
  ),
  page: experiment(
    'Status page rendering',
    'CPU time to render the document from the reports, after one hour on a simulated clock during which a third of the checks failed intermittently. ' +
      'An update contains the changed parts. Here, these are all rows, because every check has run.',
    statusPage,
    showStatusPage,
  ),
  load: experiment(
    'HTTP load',
    'Another process sends HTTP requests for 5 s in each case, while a client sends a PING every 5 ms. Clients reconnect if their connection is closed. All run on one machine and share its cores. ' +
      'Memory is heap and external memory after garbage collection. Resident memory is measured by the operating system. Both are differences from the values before the first load.',
    httpLoad,
    asMeasured,
  ),
};

const file = new URL('RESULTS.md', import.meta.url);
const dataFile = new URL('results.json', import.meta.url);
const page = new URL('../../protocol/HEARTBEATS.md', import.meta.url);
const machine = `Node ${process.version}, Linux ${release()}, ${cpus().length} cores: ${cpus()[0]?.model}`;

const chosen = values.show ? [] : (values.only?.split(',') ?? Object.keys(experiments));
for (const name of chosen) {
  const experiment = experiments[name];
  if (!experiment) throw new Error(`--only takes ${Object.keys(experiments).join(', ')}, not ${name}`);
  process.stderr.write(`${experiment.title} ...\n`);
  const data = await experiment.measure();
  process.stdout.write(`\n${part(experiment, data)}`);
  keep({ ...kept(), machine, [name]: data });
}
if (values.show) keep(kept());

/** The stored results by experiment name, with the machine on which they were measured. */
function kept(): Record<string, unknown> {
  return existsSync(dataFile) ? JSON.parse(readFileSync(dataFile, 'utf8')) : {};
}

function part({ title, description, show }: Experiment, data: unknown): string {
  return `## ${title}\n\n${[description, ...show(data).map(markdown)].join('\n\n')}\n`;
}

/** Writes the data, and the pages that are generated from it. */
function keep(data: Record<string, unknown>): void {
  const known = Object.entries(experiments).filter(([name]) => data[name] !== undefined);
  const ordered = Object.fromEntries(known.map(([name]) => [name, data[name]]));
  writeFileSync(dataFile, text({ machine: data.machine, ...ordered }));
  const parts = known.map(([name, experiment]) => part(experiment, data[name]));
  const results = [`# Experiments\n\nWritten by \`npm run experiments\`. ${data.machine}.\n`, ...parts].join('\n');
  writeFileSync(file, results);
  writeFileSync(page, withTables(readFileSync(page, 'utf8'), heartbeatTables(results)));
}

/** Formats JSON with one line per list or object of plain values. */
function text(data: object): string {
  const lines = JSON.stringify(data, null, 1);
  return `${lines.replace(/[[{]\n[^[\]{}]*[\]}]/g, (list) => list.replace(/\n\s*/g, ' '))}\n`;
}
