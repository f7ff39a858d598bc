import { describe, expect, it } from '@jest/globals';
import { Service } from 'kubernetes-models/v1';
import { parse } from 'yaml';
import { holdTables, readRoot } from './markdown.js';
import { measured, scaleTables } from './scale.js';

const text = readRoot('docs/scale.md');

// `UPDATE=1 npm test -- test/readme` computes the figures again from bench/.
holdTables('docs/scale.md', 'scale', scaleTables);

describe('docs/scale.md', () => {
  it('is computed from figures that were all measured', () => {
    expect(Object.entries(measured).filter(([, value]) => !(value > 0))).toEqual([]);
  });

  it('shows services that Kubernetes accepts, with a named port for SRV records', () => {
    const blocks = [...text.matchAll(/```yaml\n(apiVersion: v1\n[^]*?)```/g)].map(([, yaml]) => yaml as string);
    const services = blocks.flatMap((block) => block.split(/^---$/m)).map((yaml) => parse(yaml));
    expect(services.map(({ metadata }) => metadata.name)).toEqual(['shop-peers', 'shop-ready']);
    for (const { apiVersion, kind, ...rest } of services) {
      new Service(rest).validate();
      expect([apiVersion, kind, rest.spec.clusterIP, rest.spec.ports[0].name]).toEqual([
        'v1',
        'Service',
        'None',
        'pong',
      ]);
    }
  });
});
