import { describe, expect, it } from '@jest/globals';
import { Service } from 'kubernetes-models/v1';
import { parse } from 'yaml';
import { optionRows } from '../../src/options/table.js';
import { holdTables, readRoot } from './markdown.js';
import { measured, scaleTables } from './scale.js';

const text = readRoot('docs/scale.md');

// `UPDATE=1 npm test -- test/readme` recomputes the figures from bench/.
holdTables('docs/scale.md', 'scale', scaleTables);

describe('docs/scale.md', () => {
  it('is computed from measured figures only', () => {
    expect(Object.entries(measured).filter(([, value]) => !(value > 0))).toEqual([]);
  });

  it('states the defaults of options correctly', () => {
    const named = [...text.matchAll(/`([a-z]+\.[a-zA-Z]+)`\s\(([\d,]+(?: ms)?)\)/g)].map(([, path, value]) => [
      path as string,
      (value as string).replaceAll(/[, ]/g, ''),
    ]);
    expect(named.length).toBeGreaterThan(4);
    for (const [path, value] of named) {
      const row = optionRows.find((option) => option.path === path);
      expect([path, row?.default ?? row?.defaultText]).toEqual([path, value]);
    }
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
