import { describe, expect, it } from '@jest/globals';
import { alertGroups } from '../../grafana/source/alerts.js';
import { files } from '../../grafana/source/files.js';
import { hints, hintTemplate, probeHints } from '../../grafana/source/hints.js';
import { metricOf, seriesIn } from '../../grafana/source/metrics.js';
import { recordingRules } from '../../grafana/source/recording.js';
import { failureReasons } from '../../src/exporter/result.js';
import { reasons } from '../../src/health/reason.js';
import { anchorsOf, ids, readRoot } from '../readme/markdown.js';

const alerts = Object.values(alertGroups).flat();
const recorded = recordingRules.map(({ record }) => record);

describe('the rules', () => {
  it.each([
    ...alerts.map(({ alert, expr }) => [alert, expr]),
    ...recordingRules.map(({ record, expr }) => [record, expr]),
  ])('%s uses metrics that exist', (_name, expr) => {
    const names = seriesIn(expr as string);
    const rules = (expr as string).match(/\b[a-z_]+:[a-z_]+:\w+/g) ?? [];
    expect(names.length + rules.length).toBeGreaterThan(0);
    expect(names.filter((name) => !metricOf(name))).toEqual([]);
    expect(rules.filter((name) => !recorded.includes(name))).toEqual([]);
  });

  it.each(alerts.map((alert) => [alert.alert, alert] as const))(
    '%s states the problem, what to do, and where to look',
    (name, { annotations }) => {
      expect(name).toMatch(/^Pongcheck[A-Z]/);
      expect(annotations.summary).toContain('{{ $labels.');
      expect(annotations.description).toMatch(/^[A-Z].*[.]$/);
      expect(annotations.hint).toMatch(/[.?]($|\{\{ end \}\}$)/);
      const [, uid] = /^\/d\/([\w-]+)\?/.exec(annotations.dashboard ?? '') ?? [];
      expect(Object.keys(files)).toContain(`grafana/dashboards/${uid}.json`);
    },
  );

  it('have hints that refer to sections that exist', () => {
    const texts = [...alerts.map(({ annotations }) => annotations.hint), ...Object.values({ ...hints, ...probeHints })];
    const targets = texts.flatMap((text) => [...text.matchAll(/\b(docs\/[\w-]+\.md)#([\w-]+)/g)]);
    expect(targets.length).toBeGreaterThan(0);
    for (const [, page = '', anchor] of targets) expect(anchorsOf(readRoot(page))).toContain(anchor);
  });

  it.each(alerts.map((alert) => [alert.alert, alert] as const))(
    '%s links to a section of the troubleshooting page, for a check to that of its reason',
    (_name, { annotations }) => {
      const [, page = '', anchor = ''] = /^(docs\/troubleshooting\.md)#(.+)$/.exec(annotations.runbook_url) ?? [];
      const text = readRoot(page);
      const anchors = anchor === '{{ $labels.reason }}' ? Object.keys(reasons) : [anchor];
      const known = [...anchorsOf(text), ...ids(text)];
      expect(anchors.filter((one) => !known.includes(one))).toEqual([]);
    },
  );

  it('link to the web once the address of the documentation precedes the paths, as the page describes', () => {
    const [, pattern = '', replacement = ''] = /^sed 's#(.*)#(.*)#'/m.exec(readRoot('grafana/README.md')) ?? [];
    const rules = readRoot('grafana/rules/pongcheck.yml').replaceAll(new RegExp(pattern, 'g'), replacement);
    const links = [...rules.matchAll(/runbook_url: (.*)/g)].map(([, link]) => link as string);
    expect(links).toHaveLength(alerts.length);
    for (const link of links) expect(link.replaceAll('"', '')).toMatch(/^https:\/\/[^/]+\/.*\/troubleshooting\.md#/);
  });

  it('distinguish alerts of the same name with a label', () => {
    const keys = alerts.map(({ alert, labels }) => JSON.stringify([alert, labels]));
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe.each([
  ['of a check', hints, Object.keys(reasons)],
  ['of a probe', probeHints, failureReasons],
])('the hints for a reason %s', (_whose, table, all) => {
  it('exist for each reason, and the template selects the right one', () => {
    expect(Object.keys(table).sort()).toEqual([...all].sort());
    const template = hintTemplate(table);
    for (const [reason, hint] of Object.entries(table)) {
      expect(hint).toMatch(/^[A-Z][^{}"]*[.?]( [^{}"]*[.])?$/);
      expect(template).toContain(`if eq $labels.reason "${reason}" }}${hint}{{`);
    }
  });
});
