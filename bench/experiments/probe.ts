import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../../test/live/server-process.js';
import { now, passUntil } from '../../test/system/program.js';
import { Trial } from '../../test/system/trial.js';
import { cpuSeconds, resident, socketsOf } from './process.js';
import { type Shown, table } from './table.js';

const TARGETS = 10_000;
const INTERVAL_S = 15;
const PROBE_TIMEOUT_MS = 2000;
/** Number of checks per target. */
const CHECKS = 5;
/** Two scrapes of each target, because compiling and connecting happen only once. */
const SETTLE_MS = 2 * INTERVAL_S * 1000;
const MEASURED_MS = 4 * INTERVAL_S * 1000;
const silentProgram = join(process.cwd(), 'bench', 'experiments', 'programs', 'silent.js');

/** Results of Prometheus and one exporter with 10,000 targets. Times are in seconds, memory in bytes. */
export interface Probed {
  what: string;
  targets: number;
  probesPerSecond: number;
  /** Fractions of the probes. */
  answered: number;
  succeeded: number;
  /** Fraction of one core. */
  exporterCpu: number;
  /** CPU time of the exporter per probe. */
  perProbe: number;
  p50: number;
  p99: number;
  longest: number;
  /** Maximum number of open sockets. */
  sockets: number;
  exporterMemory: number;
  samplesPerProbe: number;
  prometheusCpu: number;
  prometheusMemory: number;
  prometheusSeries: number;
}

const cases = [
  { what: 'all respond', silent: 0 },
  { what: `1 in 10 does not respond within ${PROBE_TIMEOUT_MS / 1000} s`, silent: 0.1 },
];

export async function probe(): Promise<Probed[]> {
  const results: Probed[] = [];
  for (const { what, silent } of cases) {
    const trial = new Trial();
    const folder = mkdtempSync(join(tmpdir(), 'pongcheck-probing-'));
    try {
      results.push({ what, ...(await measured(trial, folder, silent)) });
    } finally {
      await trial.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return results;
}

export function showProbe(rows: readonly Probed[]): Shown {
  const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const ms = (time: number) => `${(time * 1000).toFixed(1)} ms`;
  const figures: [string, (row: Probed) => string][] = [
    ['probes per second', ({ probesPerSecond }) => probesPerSecond.toFixed(0)],
    ['answered by the exporter', ({ answered }) => percent(answered)],
    ['successful, of these', ({ succeeded }) => percent(succeeded)],
    ['exporter CPU, of one core', ({ exporterCpu }) => percent(exporterCpu)],
    ['exporter CPU time per probe', ({ perProbe }) => `${(perProbe * 1000).toFixed(2)} ms`],
    ['latency, median', ({ p50 }) => ms(p50)],
    ['latency, p99', ({ p99 }) => ms(p99)],
    ['latency, maximum', ({ longest }) => ms(longest)],
    ['maximum number of exporter sockets', ({ sockets }) => String(sockets)],
    ['exporter resident memory', ({ exporterMemory }) => mib(exporterMemory)],
    ['samples per probe', ({ samplesPerProbe }) => samplesPerProbe.toFixed(0)],
    ['series in Prometheus', ({ prometheusSeries }) => prometheusSeries.toFixed(0)],
    ['Prometheus CPU, of one core', ({ prometheusCpu }) => percent(prometheusCpu)],
    ['Prometheus resident memory', ({ prometheusMemory }) => mib(prometheusMemory)],
  ];
  return [
    table(
      [`${TARGETS.toLocaleString('en')} targets every ${INTERVAL_S} s`, ...rows.map(({ what }) => what)],
      figures.map(([name, cell]) => [name, ...rows.map(cell)]),
    ),
  ];
}

async function measured(trial: Trial, folder: string, silent: number): Promise<Omit<Probed, 'what'>> {
  const { ports } = await trial.server({ quiet: true, bulk: CHECKS - 1, listen: [{ url: 'pong://0.0.0.0:0' }] });
  const { port: silentPort } = await trial.program([process.execPath, silentProgram]).says('listening');
  const targets = Array.from({ length: TARGETS }, (_, n) => {
    const port = n < silent * TARGETS ? silentPort : ports[0];
    return `127.1.${Math.floor(n / 250)}.${1 + (n % 250)}:${port}`;
  });
  const exporter = await trial.server({
    quiet: true,
    listen: [],
    http: { port: 0 },
    probe: { targets: ['127.0.0.0/8:*'], modules: { ready: { prober: 'pongcheck', timeout: PROBE_TIMEOUT_MS } } },
  });
  const { http } = await exporter.program.says('listening');
  const prometheus = await startPrometheus(trial, folder, new URL(http).host, targets);

  await passUntil(now() + SETTLE_MS);
  const before = [cpuSeconds(exporter.program), cpuSeconds(prometheus.program)] as const;
  const since = now();
  let sockets = 0;
  while (now() < since + MEASURED_MS) {
    sockets = Math.max(sockets, socketsOf(exporter.program));
    await passUntil(now() + 250);
  }
  const seconds = (now() - since) / 1000;
  const exporterCpu = (cpuSeconds(exporter.program) - before[0]) / seconds;
  const prometheusCpu = (cpuSeconds(prometheus.program) - before[1]) / seconds;
  const window = `[${MEASURED_MS / 1000}s]`;
  const probesPerSecond = await prometheus.query(`sum(count_over_time(up${window})) / ${MEASURED_MS / 1000}`);
  return {
    targets: TARGETS,
    probesPerSecond,
    answered: await prometheus.query(`avg(avg_over_time(up${window}))`),
    succeeded: await prometheus.query(`avg(avg_over_time(probe_success${window}))`),
    exporterCpu,
    perProbe: exporterCpu / probesPerSecond,
    p50: await prometheus.query(`quantile(0.5, scrape_duration_seconds)`),
    p99: await prometheus.query(`quantile(0.99, scrape_duration_seconds)`),
    longest: await prometheus.query(`max(max_over_time(scrape_duration_seconds${window}))`),
    sockets,
    exporterMemory: resident(exporter.program),
    samplesPerProbe: await prometheus.query('avg(scrape_samples_scraped)'),
    prometheusCpu,
    prometheusMemory: resident(prometheus.program),
    prometheusSeries: await prometheus.query('sum(scrape_samples_scraped) + 5 * count(up)'),
  };
}

/** Starts a Prometheus that has the exporter probe each target, as described in docs/scrape.md. */
async function startPrometheus(trial: Trial, folder: string, exporter: string, targets: readonly string[]) {
  const config = {
    global: { scrape_interval: `${INTERVAL_S}s`, scrape_timeout: '10s' },
    scrape_configs: [
      {
        job_name: 'pongcheck-probe',
        metrics_path: '/probe',
        params: { module: ['ready'] },
        file_sd_configs: [{ files: ['targets.json'] }],
        relabel_configs: [
          { source_labels: ['__address__'], target_label: '__param_target' },
          { source_labels: ['__param_target'], target_label: 'instance' },
          { target_label: '__address__', replacement: exporter },
        ],
      },
    ],
  };
  writeFileSync(join(folder, 'targets.json'), JSON.stringify([{ targets }]));
  writeFileSync(join(folder, 'prometheus.yml'), stringify(config));
  const url = `http://127.0.0.1:${await freePort()}`;
  const program = trial.program([
    'prometheus',
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${new URL(url).host}`,
    '--log.level=error',
  ]);
  const ready = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await ready())) await passUntil(now() + 100);
  return {
    program,
    /** Returns the value of an expression that has one value. */
    async query(expression: string): Promise<number> {
      const response = await fetch(`${url}/api/v1/query`, {
        method: 'POST',
        body: new URLSearchParams({ query: expression }),
      });
      const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
      if (data.result.length !== 1) throw new Error(`${data.result.length} series: ${expression}`);
      return Number(data.result[0]?.value[1]);
    },
  };
}
