import { probeMetrics } from '../../src/exporter/table.js';
import type { KnownMetric } from './metrics.js';

/** The metrics of `GET /probe`. The values of the label `check` come from the target. */
export const probeRows: readonly KnownMetric[] = probeMetrics;
