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
    'Ten requests to `GET /livez`, one after the other, between two hosts.',
    httpKeepAlive,
    asMeasured,
  ),
  silence: experiment(
    'TCP keep-alive and a heartbeat',
    'Connections without data. At the end the process of the peer is frozen; its kernel continues.',
    silence,
    asMeasured,
  ),
  detection: experiment(
    'Found after how long, or never',
    'Ten peers each; from the fault to the word of it, min / median / max, with the error that the application receives. Settings: ' +
      'TCP keep-alive idle 4 s, 5 probes of 1 s, without a user timeout and with the one of 9 s that it has by default; idle timeout 5 s with a PING of the client each second; ' +
      'PINGs of the server, or of the client, each second, 3 outstanding. The connections were silent for 2.5 to 3.5 s before, which counts for keep-alive. ' +
      'A server that closes a connection reports that when the connection has ended: up to 1 s after its FIN, unless a proxy answers that. ' +
      '"Data in flight": the server sends to the peer each second, whichever side evaluates the answers.',
    detection,
    showDetection,
  ),
  accuracy: experiment(
    'How exactly a silent client is closed',
    'From the last byte that the client sent to the FIN that it received, by the clock of the client.',
    accuracy,
    showAccuracy,
  ),
  innocence: experiment(
    'Closed falsely',
    'How many of 20 living clients were closed, and how long after the beginning of the trouble the silent one beside them was.',
    innocence,
    showInnocence,
  ),
  loss: experiment(
    '30 % of the segments lost',
    '50 living peers each, for the minutes that `--minutes` names (10), PINGed by the server, or PINGing it as `openLink` does; iptables drops what arrives. ' +
      'A peer that was declared dead does not reconnect; the rate is of those that lived. The last column is what the kernel of the server waits before it repeats a segment: median, ninth decile and longest of a look each minute.',
    () => loss(minutes),
    showLoss,
  ),
  idle: experiment(
    '10,000 idle connections',
    'Server and clients on one machine. The echo changes one byte of each read and validates nothing: its cost is that of Node and the kernel.',
    idleCost,
    asMeasured,
  ),
  sweep: experiment(
    'One sweep, alone',
    'Connections without sockets, each with HELLO and PINGs of the server every 10 s. A slice is what happens in a row, before the loop does other work.',
    sweep,
    asMeasured,
  ),
  attack: experiment(
    '100,000 hostile connections',
    'They send what is random, cut short, damaged, or mixed of two senders, in pieces, and leave in every way there is, or not at all. ' +
      'A client beside them PINGs every 5 ms. All are on one machine, and share its cores. Medians of the rounds.',
    attack,
    asMeasured,
  ),
  fate: experiment(
    'Shared fate',
    'Many instances of one service whose check `db` (interval 5 s, timeout 800 ms) asks 11 peers within 300 ms, on a simulated clock: checks, states and peers are the code of the package; the network is simulated, 0.2 to 5 ms each way. ' +
      'The database does not answer from the fault on, for 35 s. An instance is in rotation while its readiness is pass or warn; the interval of the load balancer comes on top. ' +
      '"In two halves": the instances of one half do not reach those of the other. A rollout starts a fifth of the instances in addition, 10 to 20 s after the fault.',
    fate,
    asMeasured,
  ),
  probe: experiment(
    'Probing 10,000 targets',
    'A real Prometheus scrapes `/probe` of one exporter for 10,000 targets every 15 s, module `pongcheck` with a timeout of 2 s, for a minute after the second round. The targets are addresses of the host, answered by one responder with 5 checks, or by a program that never answers. All are on one machine, and share its cores.',
    probe,
    showProbe,
  ),
  requests: experiment(
    'What one request costs',
    'CPU of a responder with 5 checks and one PING thread, minus what it needs without requests, for one request at a time: 100 a second, `/metrics` every 300 ms. It includes waking up, which a responder under load needs less often.',
    requests,
    showRequests,
  ),
  start: experiment(
    'Start of a probe',
    'Whole processes, from start to exit: medians of 10 batches of 10, the commands by turns. `node -e 0` is the limit: Node.js without a program. Loading `node:net`, connecting and writing a line is 1.1 times that on Node.js 20, and 1.2 times on 24, which itself starts in less than half the time.',
    start,
    showStart,
  ),
  page: experiment(
    'The status page',
    'CPU time of one rendering, from the reports to the document, after an hour on a simulated clock in which a third of the checks failed at times. ' +
      'An update has the parts that have changed: here all rows, because each check has run.',
    statusPage,
    showStatusPage,
  ),
  load: experiment(
    'HTTP load',
    'HTTP from another process, for 5 s each, and a client beside it that PINGs every 5 ms. A client whose connection is closed reconnects. All are on one machine, and share its cores. ' +
      'Memory is heap and external memory after garbage collection, resident memory as the system reports it; both are differences from the service before the first load.',
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
