import { now, passUntil, type Said } from '../../test/system/program.js';
import { stateOf, Trial } from '../../test/system/trial.js';
import { type Shown, table } from './table.js';

/** Interval of the well-behaved client's PINGs, in milliseconds. */
const EVERY = 5;
const LASTS = 5000;
const MIB = 1_048_576;

const loads = [
  {
    what: 'one connection, 2,500 requests for the status page in one write',
    connections: 1,
    path: '/',
    pipelined: 2500,
  },
  { what: '1,000 connections, `/livez`', connections: 1000, path: '/livez' },
  { what: '1,000 connections, the status page', connections: 1000, path: '/' },
  {
    what: '1,000 connections, 200 requests for `/livez` in each write',
    connections: 1000,
    path: '/livez',
    pipelined: 200,
  },
  {
    what: '1,000 connections that do not read `/metrics`',
    connections: 1000,
    path: '/metrics',
    pipelined: 4,
    reads: false,
  },
  { what: '1,000 connections, a path that does not exist', connections: 1000, path: '/nowhere' },
];

/** Measures the effect of HTTP load from another process on the PINGs of a client, and on memory. */
export async function httpLoad(): Promise<Shown> {
  const trial = new Trial();
  try {
    const { program: server, ports } = await trial.server({ quiet: true, http: { port: 0 } });
    const { http } = await server.says('listening');
    const program = async (script: string, plan: object) => {
      const started = trial.node(script, [JSON.stringify(plan)]);
      await started.says('ready');
      return started;
    };
    const steady = await program('steady.js', { to: { host: '127.0.0.1', port: ports[0] }, every: EVERY });
    const client = await program('http-load.js', { to: { host: '127.0.0.1', port: Number(new URL(http).port) } });
    const told = () => steady.ask({ tell: true }, 'told');
    const ask = (load: object) => client.ask({ load: { ms: LASTS, ...load } }, 'loaded');

    // What the first requests compile and cache is not a leak.
    await ask({ connections: 100, path: '/' });
    const before = await stateOf(server);
    await told();
    await passUntil(now() + LASTS);
    const rows = [row('none', await told(), before, before)];
    for (const { what, ...load } of loads) {
      await told();
      await ask(load);
      rows.push(row(what, await told(), await stateOf(server), before));
    }
    const head = ['HTTP load', 'PONGs', 'median', 'p99', 'maximum', 'none within 1 s', 'memory', 'resident memory'];
    return [table(head, rows)];
  } finally {
    await trial.close();
  }
}

function row(what: string, { times, late }: Said, after: Said, before: Said): string[] {
  const sorted = [...times].sort((a, b) => a - b);
  const quantile = (part: number) => `${(sorted[Math.ceil(sorted.length * part) - 1] ?? 0).toFixed(1)} ms`;
  const more = (of: 'memory' | 'rss') => `+${((after[of] - before[of]) / MIB).toFixed(1)} MiB`;
  return [
    what,
    String(times.length),
    quantile(0.5),
    quantile(0.99),
    quantile(1),
    String(late),
    more('memory'),
    more('rss'),
  ];
}
