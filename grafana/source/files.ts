import { stringify } from 'yaml';
import { alertGroups } from './alerts.js';
import { fleet } from './fleet.js';
import { probe } from './probe.js';
import { recordingRules } from './recording.js';
import { responder } from './responder.js';

const json = (dashboard: object) => `${JSON.stringify(dashboard, null, 2)}\n`;

const groups = [
  { name: 'pongcheck-recording', rules: recordingRules },
  ...Object.entries(alertGroups).map(([name, rules]) => ({ name, rules })),
];

const header = '# Generated from grafana/source: UPDATE=1 npm test -- test/grafana\n';
const yaml = (content: object) => `${header}${stringify(content, { lineWidth: 0 })}`;

/** The same rules, for the Prometheus operator. */
const prometheusRule = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: { name: 'pongcheck', labels: { 'app.kubernetes.io/name': 'pongcheck' } },
  spec: { groups },
};

/** The text of each generated file, by its path in the project. */
export const files: Readonly<Record<string, string>> = {
  'grafana/dashboards/pongcheck-fleet.json': json(fleet),
  'grafana/dashboards/pongcheck-responder.json': json(responder),
  'grafana/dashboards/pongcheck-probe.json': json(probe),
  'grafana/rules/pongcheck.yml': yaml({ groups }),
  'deploy/kubernetes/rules.yml': yaml(prometheusRule),
};
