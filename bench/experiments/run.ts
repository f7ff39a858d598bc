// `npm run experiments`: measures what the tests do not assert, and writes RESULTS.md.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { accuracy } from './accuracy.js';
import { detection } from './detection.js';
import { idleCost } from './idle-cost.js';
import { innocence } from './innocence.js';
import { loss } from './loss.js';
import { sweep } from './sweep.js';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' }, only: { type: 'string' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not ${values.minutes}`);

const experiments: Record<string, { title: string; sentence: string; measure: () => Promise<string> }> = {
  detection: {
    title: 'Found after how long, or never',
    sentence:
      'Ten peers each; from the fault to the close, min / median / max, with the reason that the application is told. Settings: ' +
      'keep-alive idle 4 s, 5 probes of 1 s, alone and with the user timeout of 9 s that it has by default; idle timeout 5 s with a PING of the client each second; ' +
      'PINGs of the server each second, 3 outstanding. "Data in flight": the server sends to the peer each second, whoever looks at the answers.',
    measure: detection,
  },
  accuracy: {
    title: 'How exactly a silent client is closed',
    sentence: 'From the last octet that the client sent to the FIN that it saw, by the clock of the client.',
    measure: accuracy,
  },
  innocence: {
    title: 'Closed falsely',
    sentence:
      'How many of 20 living clients were closed, and how long after the beginning of the trouble the silent one beside them was.',
    measure: innocence,
  },
  loss: {
    title: '30 % of the segments lost, each way',
    sentence:
      'Living peers, PINGed by the server; iptables drops at both ends. A peer that was called dead is not connected again.',
    measure: () => loss(minutes),
  },
  idle: { title: '10,000 idle connections', sentence: 'Server and clients on one machine.', measure: idleCost },
  sweep: {
    title: 'One sweep, alone',
    sentence: 'Connections without sockets, each with HELLO and PINGs of the server every 10 s.',
    measure: sweep,
  },
};

const chosen = values.only?.split(',') ?? Object.keys(experiments);
const parts = [
  `# Experiments\n\n\`npm run experiments -- --minutes ${minutes}\`, Node ${process.version}, Linux, ${cpus().length} cores: ${cpus()[0]?.model}.`,
];
for (const name of chosen) {
  const experiment = experiments[name];
  if (!experiment) throw new Error(`--only takes ${Object.keys(experiments).join(', ')}, not ${name}`);
  process.stderr.write(`${experiment.title} ...\n`);
  parts.push(`## ${experiment.title}\n\n${experiment.sentence}\n\n${await experiment.measure()}`);
  process.stdout.write(`\n${parts.at(-1)}\n`);
}
if (!values.only) writeFileSync(new URL('RESULTS.md', import.meta.url), `${parts.join('\n\n')}\n`);
