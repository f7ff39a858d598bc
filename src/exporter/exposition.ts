import { Gauge, Registry } from 'prom-client';
import { printable } from '../common/printable.js';
import { reasons } from '../health/reason.js';
import type { ReportedCheck } from '../health/report-view.js';
import { checkStates, states } from '../health/state.js';
import type { FinishedProbe } from './probe.js';
import { failureReasons } from './result.js';
import { probeMetrics } from './table.js';

type Name = (typeof probeMetrics)[number]['name'];

/** Maximum number of checks, which bounds the number of series that a target can create. */
const MAX_CHECKS = 200;
/** Maximum length of a check name. */
const MAX_NAME_LENGTH = 64;

/** Formats the result of one probe in the Prometheus text format. Metrics without a value are omitted. */
export async function exposition(probe: FinishedProbe): Promise<{ type: string; text: string }> {
  const registry = new Registry();
  const gauges = new Map<Name, Gauge>();
  const set = (name: Name, value: number | undefined, labels: Readonly<Record<string, string>> = {}) => {
    if (value === undefined) return;
    (gauges.get(name) ?? create(name)).set(labels, value);
  };
  const create = (name: Name) => {
    const { help, labels } = probeMetrics.find((row) => row.name === name) as (typeof probeMetrics)[number];
    const gauge = new Gauge({ name, help, labelNames: [...labels], registers: [registry] });
    gauges.set(name, gauge);
    return gauge;
  };
  const { failure, state } = probe;
  set('probe_success', failure ? 0 : 1);
  set('probe_duration_seconds', probe.duration / 1000);
  for (const reason of failureReasons) set('probe_failure_reason', failure?.reason === reason ? 1 : 0, { reason });
  set('probe_dns_lookup_time_seconds', (probe.lookupTime ?? 0) / 1000);
  set('probe_ip_protocol', probe.ipVersion);
  set('probe_ssl_earliest_cert_expiry', probe.certificateExpiry && probe.certificateExpiry.getTime() / 1000);
  set('probe_http_status_code', probe.httpStatus);
  if (state) for (const status of states) set('probe_pongcheck_status', status === state ? 1 : 0, { status });
  set('probe_pongcheck_rtt_seconds', seconds(probe.rtt));
  set('probe_pongcheck_result_age_seconds', seconds(probe.resultAge));
  for (const check of (probe.checks ?? []).slice(0, MAX_CHECKS)) setCheck(check);
  return { type: registry.contentType, text: await registry.metrics() };

  function setCheck({ name, state, reason }: ReportedCheck): void {
    // The text format escapes only line breaks, and the output may be read on a terminal.
    const check = printable(name, MAX_NAME_LENGTH);
    for (const status of checkStates) set('probe_pongcheck_check_status', status === state ? 1 : 0, { check, status });
    // Only known reasons are used, because label values from the target would be unbounded.
    if (reason !== undefined) {
      set('probe_pongcheck_check_reason', 1, { check, reason: Object.hasOwn(reasons, reason) ? reason : 'custom' });
    }
  }
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
