import { probeMetrics } from '../../src/exporter/table.js';
import type { KnownMetric } from './metrics.js';

/**
 * What a scrape of `GET /probe` shows. The labels `check` come from a responder
 * that the configuration allows to be probed.
 */
export const probeRows: readonly KnownMetric[] = probeMetrics;
