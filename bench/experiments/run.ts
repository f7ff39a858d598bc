// `npm run experiments`: measures what the tests do not assert, and writes RESULTS.md and the tables of HEARTBEATS.md.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { accuracy } from './accuracy.js';
import { attack } from './attack.js';
import { detection } from './detection.js';
import { fate } from './fate.js';
import { httpLoad } from './http-load.js';
import { idleCost } from './idle-cost.js';
import { innocence } from './innocence.js';
import { httpKeepAlive, silence } from './keep-alives.js';
import { loss } from './loss.js';
import { heartbeatTables, withTables } from './page.js';
import { sweep } from './sweep.js';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, only: { type: 'string' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not ${values.minutes}`);

const experiments: Record<string, { title: string; description: string; measure: () => Promise<string> }> = {
  http: {
    title: 'HTTP keep-alive',
    description: 'Ten requests to `GET /livez`, one after the other, between two hosts.',
    measure: httpKeepAlive,
  },
  silence: {
    title: 'TCP keep-alive and a heartbeat',
    description: 'Connections without data. At the end the process of the peer is frozen; its kernel continues.',
    measure: silence,
  },
  detection: {
    title: 'Found after how long, or never',
    description:
      'Ten peers each; from the fault to the word of it, min / median / max, with the error that the application receives. Settings: ' +
      'TCP keep-alive idle 4 s, 5 probes of 1 s, without a user timeout and with the one of 9 s that it has by default; idle timeout 5 s with a PING of the client each second; ' +
      'PINGs of the server, or of the client, each second, 3 outstanding. The connections were silent for 2.5 to 3.5 s before, which counts for keep-alive. ' +
      'A server that closes a connection reports that when the connection has ended: up to 1 s after its FIN, unless a proxy answers that. ' +
      '"Data in flight": the server sends to the peer each second, whichever side evaluates the answers.',
    measure: detection,
  },
  accuracy: {
    title: 'How exactly a silent client is closed',
    description: 'From the last byte that the client sent to the FIN that it received, by the clock of the client.',
    measure: accuracy,
  },
  innocence: {
    title: 'Closed falsely',
    description:
      'How many of 20 living clients were closed, and how long after the beginning of the trouble the silent one beside them was.',
    measure: innocence,
  },
  loss: {
    title: '30 % of the segments lost',
    description:
      '50 living peers each, for the minutes that `--minutes` names (10), PINGed by the server, or PINGing it as `openLink` does; iptables drops what arrives. ' +
      'A peer that was declared dead does not reconnect; the rate is of those that lived. The last column is what the kernel of the server waits before it repeats a segment: median, ninth decile and longest of a look each minute.',
    measure: () => loss(minutes),
  },
  idle: {
    title: '10,000 idle connections',
    description:
      'Server and clients on one machine. The echo changes one byte of each read and validates nothing: its cost is that of Node and the kernel.',
    measure: idleCost,
  },
  sweep: {
    title: 'One sweep, alone',
    description:
      'Connections without sockets, each with HELLO and PINGs of the server every 10 s. A slice is what happens in a row, before the loop does other work.',
    measure: sweep,
  },
  attack: {
    title: '100,000 hostile connections',
    description:
      'They send what is random, cut short, damaged, or mixed of two senders, in pieces, and leave in every way there is, or not at all. ' +
      'A client beside them PINGs every 5 ms. All are on one machine, and share its cores. Medians of the rounds.',
    measure: attack,
  },
  fate: {
    title: 'Shared fate',
    description:
      'Many instances of one service whose check `db` (interval 5 s, timeout 800 ms) asks 11 peers within 300 ms, on a simulated clock: checks, states and peers are the code of the package; the network is simulated, 0.2 to 5 ms each way. ' +
      'The database does not answer from the fault on, for 35 s. An instance is in rotation while its readiness is pass or warn; the interval of the load balancer comes on top. ' +
      '"In two halves": the instances of one half do not reach those of the other. A rollout starts a fifth of the instances in addition, 10 to 20 s after the fault.',
    measure: fate,
  },
  load: {
    title: 'HTTP load',
    description:
      'HTTP from another process, for 5 s each, and a client beside it that PINGs every 5 ms. A client whose connection is closed reconnects. All are on one machine, and share its cores. ' +
      'Memory is heap and external memory after garbage collection, resident memory as the system reports it; both are differences from the service before the first load.',
    measure: httpLoad,
  },
};

const file = new URL('RESULTS.md', import.meta.url);
const page = new URL('../../protocol/HEARTBEATS.md', import.meta.url);
const machine = `Node ${process.version}, Linux ${release()}, ${cpus().length} cores: ${cpus()[0]?.model}`;
const chosen = values.only?.split(',') ?? Object.keys(experiments);
for (const name of chosen) {
  const experiment = experiments[name];
  if (!experiment) throw new Error(`--only takes ${Object.keys(experiments).join(', ')}, not ${name}`);
  const { title, description, measure } = experiment;
  process.stderr.write(`${title} ...\n`);
  const part = `## ${title}\n\n${description}\n\n${await measure()}\n`;
  process.stdout.write(`\n${part}`);
  keep(title, part);
}

/** Puts a part in its place among those that were measured before. */
function keep(title: string, part: string): void {
  const before = existsSync(file)
    ? readFileSync(file, 'utf8')
        .split(/^(?=## )/m)
        .slice(1)
    : [];
  const parts = Object.values(experiments).map((known) =>
    known.title === title
      ? part
      : before
          .find((text) => text.startsWith(`## ${known.title}\n`))
          ?.trimEnd()
          .concat('\n'),
  );
  const head = `# Experiments\n\nWritten by \`npm run experiments\`. ${machine}.\n`;
  const results = [head, ...parts.filter((text) => text !== undefined)].join('\n');
  writeFileSync(file, results);
  writeFileSync(page, withTables(readFileSync(page, 'utf8'), heartbeatTables(results)));
}
