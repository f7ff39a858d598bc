import { readRoot } from './markdown.js';

const results = readRoot('bench/RESULTS.md');

/** The median ratios of the responder to a peer, with 1 and with 64 PINGs in flight. */
function ratiosTo(peer: string): [one: string, many: string] {
  const ratio = String.raw`\*\*([\d.]+) \([^)]+\)\*\*`;
  const name = peer.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const found = new RegExp(
    `^\\| \\*\\*pongcheck, \`threads: 0\` : ${name}\\*\\* \\| ${ratio} \\| +\\| ${ratio} \\|`,
    'm',
  ).exec(results);
  if (!found) throw new Error(`bench/RESULTS.md has no ratio of the responder to ${peer}`);
  return [found[1] as string, found[2] as string];
}

/** The p99 of liveness beside a busy application, in milliseconds. */
function busyP99(threads: 0 | 1): string {
  const found = new RegExp(
    `^\\| liveness, busy \\| pongcheck, \`threads: ${threads}\` \\| [^|]+\\| (\\d+) \\(`,
    'm',
  ).exec(results);
  if (!found) throw new Error(`bench/RESULTS.md has no p99 of liveness with threads: ${threads}`);
  const ms = Number(found[1]) / 1000;
  return ms < 10 ? ms.toFixed(1) : ms.toFixed(0);
}

const limit = ratiosTo('echo in C on epoll: the limit');
const echo = ratiosTo('bare `node:net` echo');
const redis = ratiosTo('Redis `PING`');

/** What the benchmark found, in two sentences. */
export const speed = [
  `In replies per second of server CPU with 64 PINGs in flight, the responder reaches ${limit[1]} of the kernel's limit (an echo in C on epoll),`,
  `${echo[1]} times a bare \`node:net\` echo and ${redis[1]} times Redis \`PING\`; with one in flight ${limit[0]}, ${echo[0]} and ${redis[0]}. Beside an application`,
  `that blocks its event loop for 250 ms at a time, a liveness PONG of a PING thread has a p99 of ${busyP99(1)} ms instead of ${busyP99(0)}.`,
].join('\n');
