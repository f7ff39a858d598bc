import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';

describe('promtool', () => {
  it.each([
    ['finds nothing wrong with the rules', ['check', 'rules', 'grafana/rules/pongcheck.yml']],
    ['finds nothing wrong with the configuration', ['check', 'config', 'grafana/prometheus.yml']],
    ['finds that the rules do what their cases say', ['test', 'rules', 'grafana/rules/pongcheck.test.yml']],
  ])('%s', (_sentence, args) => {
    expect(execFileSync('promtool', args, { encoding: 'utf8', stdio: 'pipe' })).toContain('SUCCESS');
  });
});
