import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { freePort } from '../live/server-process.js';
import { readRoot } from '../readme/markdown.js';
import type { Program } from './program.js';
import type { Trial } from './trial.js';

/** Longest wait for Prometheus to observe something, in milliseconds. */
const PATIENCE_MS = 90_000;

export interface Series {
  labels: Record<string, string>;
  value: number;
}

export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  state: string;
}

export interface Job {
  targets: readonly string[];
  /** Makes this prober probe the targets with one of its modules. */
  probedBy?: { prober: string; module: string };
}

/** As described in the README for a prober. */
function scrapeOf([job_name, { probedBy }]: [string, Job]): object {
  const plain = { job_name, file_sd_configs: [{ files: [`${job_name}.targets.json`] }] };
  if (!probedBy) return plain;
  return {
    ...plain,
    metrics_path: '/probe',
    params: { module: [probedBy.module] },
    relabel_configs: [
      { source_labels: ['__address__'], target_label: '__param_target' },
      { source_labels: ['__param_target'], target_label: 'instance' },
      { target_label: '__address__', replacement: probedBy.prober },
    ],
  };
}

/** Prometheus with the project's configuration and rules, with shorter times. */
export class Prometheus {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private readonly program: Program,
  ) {}

  /** `jobs` contains targets by job name. Resolves when Prometheus is ready. */
  static async start(trial: Trial, jobs: Readonly<Record<string, Job>>): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'pongcheck-prometheus-'));
    const config = parse(readRoot('grafana/prometheus.yml'));
    config.global = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' };
    config.rule_files = ['rules.yml'];
    config.scrape_configs = Object.entries(jobs).map(scrapeOf);
    writeFileSync(join(folder, 'prometheus.yml'), stringify(config));
    for (const [job, { targets }] of Object.entries(jobs)) discover(folder, job, targets);
    writeFileSync(join(folder, 'rules.yml'), hurried(readRoot('grafana/rules/pongcheck.yml')));
    const port = await freePort();
    const program = trial.program([
      'prometheus',
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ]);
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, folder, program);
    await prometheus.until('it is ready', async () => (await fetch(`${prometheus.url}/-/ready`)).ok);
    return prometheus;
  }

  /** Changes the targets of a job that service discovery finds. */
  discover(job: string, targets: readonly string[]): void {
    discover(this.folder, job, targets);
  }

  /** The current value of an expression in a panel or rule. */
  async query(expression: string): Promise<Series[]> {
    const body = new URLSearchParams({ query: filledIn(expression) });
    const { status, error, data } = await this.get('query', body);
    if (status !== 'success') throw new Error(`${error}: ${expression}`);
    return data.result.map(({ metric, value }: { metric: Record<string, string>; value: [number, string] }) => ({
      labels: metric,
      value: Number(value[1]),
    }));
  }

  /** Alerts that are firing. */
  async firing(): Promise<Alert[]> {
    const { data } = await this.get('alerts');
    return data.alerts.filter(({ state }: Alert) => state === 'firing');
  }

  /** Waits until `seen` returns true. If it keeps throwing, the last error is reported. */
  async until(what: string, seen: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    let last: unknown;
    for (;;) {
      try {
        if (await seen()) return;
      } catch (error) {
        last = error;
      }
      if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`, { cause: last });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async stop(): Promise<void> {
    await this.program.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async get(path: string, body?: URLSearchParams): Promise<any> {
    const response = await fetch(`${this.url}/api/v1/${path}`, body ? { method: 'POST', body } : {});
    return response.json();
  }
}

/** Prometheus reads such a file as soon as it changes, and must never find an incomplete one. */
function discover(folder: string, job: string, targets: readonly string[]): void {
  const file = join(folder, `${job}.targets.json`);
  writeFileSync(`${file}.new`, JSON.stringify([{ targets }]));
  renameSync(`${file}.new`, file);
}

/** The same rules for a test that takes a minute: shorter windows, and almost no delay before an alert fires. */
function hurried(rules: string): string {
  return rules
    .replaceAll('[5m]', '[15s]')
    .replaceAll('[15m]', '[30s]')
    .replaceAll(/\[1m\](?=.*\[(?:5m|1h):1m\])/g, '[2s]')
    .replaceAll(/\[(5m|1h):1m\]/g, '[$1:1s]')
    .replaceAll(/for: \d+m/g, 'for: 2s');
}

/** Replaces variables as Grafana does. */
function filledIn(expression: string): string {
  return expression
    .replaceAll('$__rate_interval', '15s')
    .replaceAll('$__range', '30s')
    .replaceAll('$__from', '0')
    .replaceAll('$check', '.*')
    .replaceAll('$job', 'pongcheck.*')
    .replaceAll('$instance', '.*')
    .replaceAll('[5m]', '[15s]')
    .replaceAll('[15m]', '[30s]');
}
