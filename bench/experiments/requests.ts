import { join } from 'node:path';
import { now, passUntil } from '../../test/system/program.js';
import { Trial } from '../../test/system/trial.js';
import { cpuSeconds, resident } from './process.js';
import { type Shown, table } from './table.js';

/** Number of checks of the responder, which run at their default interval. */
const CHECKS = 5;
const IDLE_MS = 15_000;
/** Number of requests of each kind before the measurement, so that their code is compiled. */
const WARM_UP = 200;
const requestsProgram = join(process.cwd(), 'bench', 'experiments', 'programs', 'requests.js');

/** A scrape is rendered at most once per 250 ms, so scrapes that are further apart are all rendered. */
const kinds = [
  { kind: 'ping', what: 'PING on an open connection', every: 10, count: 2000 },
  { kind: 'line', what: '`ping` in line mode, on a new connection', every: 10, count: 2000 },
  { kind: 'readyz', what: '`GET /readyz`, on a new connection', every: 10, count: 2000 },
  { kind: 'metrics', what: '`GET /metrics` with gzip, on an open connection', every: 300, count: 100 },
];

/** CPU seconds of the responder per request, and the size of its answer in bytes. */
export interface Requested {
  kind: string;
  what: string;
  cpu: number;
  bytes: number;
}

export interface Requests {
  /** Fraction of one core used without requests. */
  idle: number;
  /** In bytes. */
  resident: number;
  series: number;
  requests: Requested[];
}

/**
 * Measures what each kind of request costs a responder that is mostly idle. Unlike under load, this includes waking the
 * process up.
 */
export async function requests(): Promise<Requests> {
  const trial = new Trial();
  try {
    const { program: server, ports } = await trial.server({
      quiet: true,
      threads: 1,
      bulk: CHECKS - 1,
      http: { port: 0 },
    });
    const { http } = await server.says('listening');
    const plan = { host: '127.0.0.1', pong: ports[0], http: Number(new URL(http).port) };
    const client = trial.program([process.execPath, requestsProgram, JSON.stringify(plan)]);
    await client.says('ready');
    /** CPU usage of the server per second while `work` is running. */
    const load = async (work: () => Promise<unknown>) => {
      const [since, before] = [now(), cpuSeconds(server)];
      await work();
      return (cpuSeconds(server) - before) / ((now() - since) / 1000);
    };
    const idle = () => load(() => passUntil(now() + IDLE_MS));
    for (const { kind } of kinds) await client.ask({ send: { kind, every: 5, count: WARM_UP } }, 'sent');
    await passUntil(now() + IDLE_MS);
    const idles = [await idle()];
    const results: Requested[] = [];
    for (const { kind, what, every, count } of kinds) {
      let bytes = 0;
      const busy = await load(async () => {
        const answers = await client.ask({ send: { kind, every, count } }, 'sent');
        if (answers.wrong > 0) throw new Error(`${answers.wrong} answers to ${kind} were not as expected`);
        bytes = answers.bytes;
      });
      idles.push(await idle());
      const [before, after] = idles.slice(-2) as [number, number];
      results.push({ kind, what, cpu: ((busy - (before + after) / 2) * every) / 1000, bytes });
    }
    const text = await (await fetch(new URL('/metrics', http))).text();
    const series = text.split('\n').filter((line) => /^\w/.test(line)).length;
    const mean = idles.reduce((sum, one) => sum + one, 0) / idles.length;
    return { idle: mean, resident: resident(server), series, requests: results };
  } finally {
    await trial.close();
  }
}

export function showRequests({ idle, resident, series, requests }: Requests): Shown {
  return [
    table(
      ['request', 'responder CPU time', 'response bytes, without headers'],
      requests.map(({ what, cpu, bytes }) => [what, `${(cpu * 1000).toFixed(2)} ms`, String(bytes)]),
    ),
    `Without requests, its ${CHECKS} checks use ${(idle * 100).toFixed(2)} % of a core. It uses ${(resident / 2 ** 20).toFixed(0)} MiB of resident memory and exports ${series} series on \`/metrics\`.`,
  ];
}
