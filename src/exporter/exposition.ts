import { Gauge, Registry } from 'prom-client';
import { printable } from '../common/printable.js';
import { reasons } from '../health/reason.js';
import type { ReportedCheck } from '../health/report-view.js';
import { checkStates, states } from '../health/state.js';
import type { Probed } from './probe.js';
import { failureReasons } from './result.js';
import { probeMetrics } from './table.js';

type Name = (typeof probeMetrics)[number]['name'];

/** A target of checks without end would be series without end. */
const MAX_CHECKS = 200;
/** As long as the name of a check may be. */
const MAX_NAME = 64;

/** What one probe found out, in Prometheus' text format: a registry of its own, of what is known and nothing else. */
export async function exposition(probed: Probed): Promise<{ type: string; text: string }> {
  const registry = new Registry();
  const gauges = new Map<Name, Gauge>();
  const set = (name: Name, value: number | undefined, labels: Readonly<Record<string, string>> = {}) => {
    if (value === undefined) return;
    (gauges.get(name) ?? make(name)).set(labels, value);
  };
  const make = (name: Name) => {
    const { help, labels } = probeMetrics.find((row) => row.name === name) as (typeof probeMetrics)[number];
    const gauge = new Gauge({ name, help, labelNames: [...labels], registers: [registry] });
    gauges.set(name, gauge);
    return gauge;
  };
  const { failure, state } = probed;
  set('probe_success', failure ? 0 : 1);
  set('probe_duration_seconds', probed.duration / 1000);
  for (const reason of failureReasons) set('probe_failure_reason', failure?.reason === reason ? 1 : 0, { reason });
  set('probe_dns_lookup_time_seconds', (probed.lookupTime ?? 0) / 1000);
  set('probe_ip_protocol', probed.ipVersion);
  set('probe_ssl_earliest_cert_expiry', probed.certificateExpiry && probed.certificateExpiry.getTime() / 1000);
  set('probe_http_status_code', probed.httpStatus);
  if (state) for (const status of states) set('probe_pongcheck_status', status === state ? 1 : 0, { status });
  set('probe_pongcheck_rtt_seconds', seconds(probed.rtt));
  set('probe_pongcheck_result_age_seconds', seconds(probed.resultAge));
  for (const check of (probed.checks ?? []).slice(0, MAX_CHECKS)) tell(check);
  return { type: registry.contentType, text: await registry.metrics() };

  function tell({ name, state: found, reason }: ReportedCheck): void {
    // The text format escapes line breaks and nothing else, and people read it on a terminal.
    const check = printable(name, MAX_NAME);
    for (const status of checkStates) set('probe_pongcheck_check_status', status === found ? 1 : 0, { check, status });
    // What a target says is no label by itself: of its words only those that are known.
    if (reason !== undefined) {
      set('probe_pongcheck_check_reason', 1, { check, reason: Object.hasOwn(reasons, reason) ? reason : 'custom' });
    }
  }
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
