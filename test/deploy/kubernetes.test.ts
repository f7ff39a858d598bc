import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { PrometheusRule, ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Service } from 'kubernetes-models/v1';
import { parse, parseAllDocuments } from 'yaml';
import { readConfiguration } from '../../src/config/load.js';
import { probePaths } from '../../src/http/routes/kubernetes-probes.js';
import { readRoot, rootUrl } from '../readme/markdown.js';

type Manifest = Record<string, any>;

const models = {
  ConfigMap,
  Deployment,
  Service,
  PodDisruptionBudget,
  NetworkPolicy,
  ServiceMonitor,
  PrometheusRule,
};
type Kind = keyof typeof models;

const sources: Readonly<Record<string, string>> = {
  ConfigMap: 'kubernetes-models/v1',
  Service: 'kubernetes-models/v1',
  Deployment: 'kubernetes-models/apps/v1',
  PodDisruptionBudget: 'kubernetes-models/policy/v1',
  NetworkPolicy: 'kubernetes-models/networking.k8s.io/v1',
  ServiceMonitor: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
  PrometheusRule: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
};

const manifests = ['pongcheck', 'availability', 'monitoring', 'rules'].flatMap((name) =>
  parseAllDocuments(readRoot(`deploy/kubernetes/${name}.yml`)).map((document): Manifest => document.toJS()),
);
const one = (kind: Kind) => manifests.find((manifest) => manifest.kind === kind) as Manifest;

function validate(manifest: Manifest): void {
  const { apiVersion, kind, ...rest } = manifest;
  const made = new models[kind as Kind](rest as never);
  expect(made).toMatchObject({ apiVersion, kind });
  made.validate();
}

/** Compiles manifests as literals of their types and returns the errors. Unlike schemas, types reject unknown keys. */
function compile(...list: Manifest[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-manifests-'));
  try {
    symlinkSync(fileURLToPath(rootUrl('node_modules')), join(folder, 'node_modules'));
    const lines = list.map((manifest, at) => {
      const { kind } = manifest;
      return `import type { I${kind} as T${at} } from '${sources[kind]}';\nexport const m${at}: T${at} = ${JSON.stringify(manifest)};\n`;
    });
    writeFileSync(join(folder, 'manifests.mts'), lines.join(''));
    const tsc = fileURLToPath(rootUrl('node_modules/typescript/bin/tsc'));
    const options = '--noEmit --strict --skipLibCheck --module nodenext --moduleResolution nodenext'.split(' ');
    return spawnSync(process.execPath, [tsc, ...options, '--types', '', 'manifests.mts'], {
      cwd: folder,
      encoding: 'utf8',
    }).stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the manifests for Kubernetes', () => {
  it('contain the required kinds', () => {
    expect(manifests.map(({ kind }) => kind).sort()).toEqual(Object.keys(models).sort());
  });

  it.each(manifests.map((manifest) => [manifest.kind, manifest] as const))(
    'a %s conforms to its schema',
    (_kind, manifest) => {
      validate(manifest);
    },
  );

  it('have no key that their types do not contain', () => {
    expect(compile(...manifests)).toBe('');
  });

  it('would not pass with a mistake', () => {
    const broken = structuredClone(one('Deployment'));
    broken.spec.replicas = '2';
    expect(() => validate(broken)).toThrow('replicas');
    const slip = structuredClone(one('ServiceMonitor'));
    slip.spec.endpoints[0].intervall = '1s';
    expect(compile(slip)).toContain('intervall');
  });

  it('use each probe’s path, on a port that the container defines', () => {
    const [container] = one('Deployment').spec.template.spec.containers;
    const ports = Object.fromEntries(container.ports.map((port: Manifest) => [port.name, port.containerPort]));
    const probes = {
      liveness: container.livenessProbe,
      readiness: container.readinessProbe,
      startup: container.startupProbe,
    };
    for (const [scope, { httpGet, timeoutSeconds }] of Object.entries(probes)) {
      expect(probePaths[httpGet.path]).toBe(scope);
      expect(ports[httpGet.port]).toBe(7664);
      // Each response is sent within 900 ms.
      expect(timeoutSeconds).toBeGreaterThan(1);
    }
    for (const { port, targetPort } of one('Service').spec.ports) expect(ports[targetPort]).toBe(port);
    expect(one('Service').spec.ports.map(({ name }: Manifest) => name)).toContain(
      one('ServiceMonitor').spec.endpoints[0].port,
    );
  });

  it('refer to each other by their labels, and give the job a name that the rules use', () => {
    const { selector, template } = one('Deployment').spec;
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    expect(template.metadata.labels).toMatchObject(one('Service').spec.selector);
    expect(one('Service').metadata.labels).toMatchObject(one('ServiceMonitor').spec.selector.matchLabels);
    expect(one('Service').metadata.name).toMatch(/^pongcheck/);
  });

  it('are a Kustomize base, except those of the Prometheus operator', () => {
    const { apiVersion, kind, ...rest } = parse(readRoot('deploy/kubernetes/kustomization.yml'));
    expect([apiVersion, kind]).toEqual(['kustomize.config.k8s.io/v1beta1', 'Kustomization']);
    // No other key is used, so no schema is needed for this file.
    expect(rest).toEqual({ resources: ['pongcheck.yml', 'availability.yml'] });
  });

  it('protect the pods of the Deployment, on ports that the container defines', () => {
    const { replicas, template } = one('Deployment').spec;
    const { labels } = template.metadata;
    expect(labels).toMatchObject(one('PodDisruptionBudget').spec.selector.matchLabels);
    expect(labels).toMatchObject(one('NetworkPolicy').spec.podSelector.matchLabels);
    expect(one('PodDisruptionBudget').spec.maxUnavailable).toBeLessThan(replicas);
    const named = template.spec.containers[0].ports.map(({ name }: Manifest) => name);
    for (const { ports } of one('NetworkPolicy').spec.ingress) {
      expect(named).toEqual(expect.arrayContaining(ports.map(({ port }: Manifest) => port)));
    }
  });

  it('contain a valid configuration, and allow enough time to drain', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pongcheck-configmap-'));
    try {
      const file = join(folder, 'pongcheck.yml');
      writeFileSync(file, one('ConfigMap').data['pongcheck.yml']);
      const { settings } = await readConfiguration({ file, env: { MYSQL_URL: 'mysql://probe@mysql:3306' } });
      expect(Object.keys(settings.checks)).toEqual(['mysql', 'redis']);
      expect(settings.listen.map(({ url }) => url)).toEqual(['pong://0.0.0.0:7464']);
      expect(settings.http).toMatchObject({ host: '0.0.0.0', port: 7664 });
      const { terminationGracePeriodSeconds } = one('Deployment').spec.template.spec;
      expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(settings.drain.grace);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('run the version of this package', () => {
    const { version } = JSON.parse(readRoot('package.json')) as { version: string };
    expect(one('Deployment').spec.template.spec.containers[0].image).toBe(`pongcheck:${version}`);
  });
});

describe('the manifest of the tutorial', () => {
  const [, text] = /<!-- file: deployment.yml -->\n```yaml\n([^]*?)```/.exec(readRoot('docs/tutorial.md')) ?? [];
  const manifest: Manifest = parse(text as string);

  it('is a Deployment that conforms to its schema, without a key that its type does not contain', () => {
    validate(manifest);
    expect(compile(manifest)).toBe('');
  });

  it('uses each probe’s path below the prefix of the plugin, on the port of the application', () => {
    const { spec } = manifest.spec.template;
    const [container] = spec.containers;
    const http = container.ports.find(({ name }: Manifest) => name === 'http');
    expect(readRoot('docs/tutorial.md')).toContain(`port: ${http.containerPort} });`);
    for (const scope of ['liveness', 'readiness', 'startup']) {
      const { httpGet, timeoutSeconds } = container[`${scope}Probe`];
      expect(httpGet.port).toBe('http');
      expect(probePaths[httpGet.path.replace(/^\/internal/, '')]).toBe(scope);
      expect(timeoutSeconds).toBeGreaterThan(1);
    }
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(10);
  });
});
