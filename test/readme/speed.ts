import { readRoot, table } from './markdown.js';

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

/** The ratios of the benchmark, and its p99 beside a busy application. */
export const speed = [
  table(
    ['compared with', '1 PING in flight', '64 PINGs in flight'],
    [
      ['C epoll echo server', ...ratiosTo('C epoll echo (limit)')],
      ['bare `node:net` echo server', ...ratiosTo('bare `node:net` echo')],
      ['Redis `PING`', ...ratiosTo('Redis `PING`')],
    ],
  ),
  '',
  'While the application blocks its event loop for 250 ms at a time, the p99 latency of a liveness PING is',
  `${busyP99(1)} ms with a PING thread and ${busyP99(0)} ms without.`,
].join('\n');
