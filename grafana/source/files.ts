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

/** Every file that is written from here, by its path in `grafana`, with its text. */
export const files: Readonly<Record<string, string>> = {
  'dashboards/pongcheck-fleet.json': json(fleet),
  'dashboards/pongcheck-responder.json': json(responder),
  'dashboards/pongcheck-probe.json': json(probe),
  'rules/pongcheck.yml': `# Written from grafana/source: UPDATE=1 npm test -- test/grafana\n${stringify({ groups }, { lineWidth: 0 })}`,
};
