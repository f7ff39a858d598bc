import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { readRoot } from '../readme/markdown.js';

const execute = promisify(execFile);
const promtool = (...args: string[]) => execFileSync('promtool', args, { encoding: 'utf8', stdio: 'pipe' });

/** The Prometheus configurations in a page. */
const configurations = (page: string) =>
  [...readRoot(page).matchAll(/```yaml\n(# prometheus\.yml[^]*?)```/g)].map(([, yaml]) => yaml as string);

/** Debian's Prometheus is built without Kubernetes discovery. A file provides the same labels. */
const withoutKubernetes = (yaml: string) =>
  yaml.replace('kubernetes_sd_configs: [{ role: pod }]', 'file_sd_configs: [{ files: [pods.json] }]');

const SHARDS = 16;

/** Calls `use` with a folder that contains the rules, and removes it afterwards. */
async function inFolder(use: (folder: string) => unknown): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-promtool-'));
  try {
    copyFileSync('grafana/rules/pongcheck.yml', join(folder, 'pongcheck.yml'));
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('promtool', () => {
  it.each([
    ['finds nothing wrong with the rules', ['check', 'rules', 'grafana/rules/pongcheck.yml']],
    ['finds nothing wrong with the configuration', ['check', 'config', 'grafana/prometheus.yml']],
    ['finds that the rules do what their cases say', ['test', 'rules', 'grafana/rules/pongcheck.test.yml']],
  ])('%s', (_sentence, args) => {
    expect(promtool(...args)).toContain('SUCCESS');
  });

  it.each([
    ['docs/scrape.md', 1],
    ['docs/scale.md', 2],
  ])('finds nothing wrong with the configurations in %s', async (page, count) => {
    const found = configurations(page);
    expect(found).toHaveLength(count);
    await inFolder((folder) => {
      for (const yaml of found) {
        const file = join(folder, 'prometheus.yml');
        writeFileSync(file, withoutKubernetes(yaml));
        expect(promtool('check', 'config', file)).toContain('SUCCESS');
      }
    });
  });

  it('finds each service in one shard of docs/scale.md, and each target of /probe', async () => {
    const config = parse(withoutKubernetes(configurations('docs/scale.md')[0] as string));
    const pods = Array.from({ length: 200 }, (_, n) => ({
      targets: [`10.1.0.${n}:7664`],
      labels: {
        __meta_kubernetes_pod_container_port_name: n < 190 ? 'http' : 'pong',
        __meta_kubernetes_namespace: `team-${n % 5}`,
        __meta_kubernetes_pod_label_app_kubernetes_io_name: `service-${n % 40}`,
        __meta_kubernetes_pod_name: `pod-${n}`,
      },
    }));
    const probed = [{ targets: Array.from({ length: 200 }, (_, n) => `10.2.0.${n}:7464`) }];
    await inFolder(async (folder) => {
      writeFileSync(join(folder, 'pods.json'), JSON.stringify(pods));
      mkdirSync(join(folder, 'targets'));
      writeFileSync(join(folder, 'targets', 'all.json'), JSON.stringify(probed));
      /** What each shard keeps of a job: the value of a label, and the shard. */
      const kept = async (job: string, label: string) => {
        const [scrape] = config.scrape_configs.filter(({ job_name }: { job_name: string }) => job_name === job);
        const targets = async (_: unknown, shard: number): Promise<[string, number][]> => {
          const relabel_configs = scrape.relabel_configs.map((rule: { source_labels?: string[] }) =>
            rule.source_labels?.[0] === '__tmp_shard' ? { ...rule, regex: String(shard) } : rule,
          );
          const file = join(folder, `${job}-${shard}.yml`);
          writeFileSync(file, stringify({ scrape_configs: [{ ...scrape, relabel_configs }] }));
          // The command always waits for its whole timeout.
          const { stdout } = await execute('promtool', ['check', 'service-discovery', '--timeout=5s', file, job]);
          const found: { labels: Record<string, string> }[] = JSON.parse(stdout);
          return found.flatMap(({ labels }) => (labels.instance ? [[labels[label] as string, shard]] : []));
        };
        return (await Promise.all(Array.from({ length: SHARDS }, targets))).flat();
      };
      const pairs = await kept('pongcheck', 'job');
      expect(pairs).toHaveLength(190);
      expect(new Set(pairs.map(String)).size).toBe(40);
      expect(new Set(pairs.map(([, shard]) => shard)).size).toBeGreaterThan(SHARDS / 2);
      const targets = await kept('pongcheck-probe', 'instance');
      expect(targets.map(([instance]) => instance).sort()).toEqual(probed[0]?.targets.sort());
    });
  }, 120_000);
});
