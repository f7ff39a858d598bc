import { parseArgs } from 'node:util';
import { peers } from './peers.js';

export const help = `npm run bench -- [options]

  --quick              fewer and shorter rounds, for a first look
  --only NAME,NAME     these peers only: ${peers.map((peer) => peer.name).join(', ')}
  --part NAME,NAME     these parts only: throughput, latency, application, memory
  --inflight N,N       throughput at these numbers in flight a connection (default 1,64,1024); alone it means --part throughput
  --rounds N           interleaved rounds, each with fresh servers (default 15; with --quick 3)
  --seconds N          measured time of one cell of one round (default 0.4; with --quick 0.15)

bench/RESULTS.md is written by a whole run only, one without any of these options; by Node.js 24, it is bench/RESULTS-node-24.md.`;

const parts = ['throughput', 'latency', 'application', 'memory'];

/** @param {string[]} argv */
export function parseOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      part: { type: 'string' },
      inflight: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
    },
  });
  const { quick } = values;
  return {
    help: values.help,
    whole: argv.length === 0,
    peers: named(
      '--only',
      values.only,
      peers.map((peer) => peer.name),
    ).map((name) => peers.find((p) => p.name === name)),
    parts: named('--part', values.part ?? (values.inflight && 'throughput'), parts),
    inflight: (values.inflight ?? '1,64,1024').split(',').map((text) => positive('--inflight', text)),
    rounds: positive('--rounds', values.rounds ?? (quick ? '3' : '15')),
    seconds: positive('--seconds', values.seconds ?? (quick ? '0.15' : '0.4')),
    warmup: quick ? 0.05 : 0.1,
    memoryRounds: quick ? 1 : 3,
  };
}

/** The requested names in the order of `allowed`; all names if none were requested. */
function named(option, text, allowed) {
  if (text === undefined) return allowed;
  const wanted = text.split(',');
  const unknown = wanted.find((name) => !allowed.includes(name));
  if (unknown !== undefined) throw new Error(`${option}: '${unknown}' is none of ${allowed.join(', ')}`);
  return allowed.filter((name) => wanted.includes(name));
}

function positive(option, text) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${option}: '${text}' is not a number above 0`);
  return value;
}
