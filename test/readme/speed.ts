import { readRoot, rowOf, table } from './markdown.js';

const results = readRoot('bench/RESULTS.md');

/** The median ratios of the responder to a peer, with 1 and with 64 PINGs in flight. */
function ratiosTo(peer: string): string[] {
  const [, one, , many] = rowOf(results, `**pongcheck, \`threads: 0\` : ${peer}**`);
  return [one, many].map((cell) => /[\d.]+/.exec(cell as string)?.[0] as string);
}

/** The p99 of liveness beside a busy application, in milliseconds. */
function busyP99(threads: 0 | 1): string {
  const [, , , p99] = rowOf(results, 'liveness, busy', `pongcheck, \`threads: ${threads}\``);
  const ms = Number.parseInt(p99 as string, 10) / 1000;
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
