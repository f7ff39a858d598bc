import type { FastifyPluginAsync } from 'fastify';
import { type ProbeExporter, ProbeRefusal } from '../../exporter/exporter.js';
import { exposition } from '../../exporter/exposition.js';
import type { Probed } from '../../exporter/probe.js';
import { get } from '../route.js';
import type { Turns } from '../turns.js';

/** Prometheus tells so how long it waits, in seconds. */
const SCRAPE_TIMEOUT = 'x-prometheus-scrape-timeout-seconds';

/**
 * `GET /probe?target=HOST:PORT&module=NAME`: the metrics of one probe, 200 also where it failed; 400 for a target or
 * module that is none, 403 for a target that is not allowed. With `&debug=true` what was done comes first, as text.
 */
export function probeRoute(fleet: ProbeExporter, turns: Turns): FastifyPluginAsync {
  return async (app) => {
    get(app, '/probe', async (request, reply) => {
      const { target, module = 'pongcheck', debug } = request.query;
      if (typeof target !== 'string' || typeof module !== 'string') {
        return reply.code(400).send({ error: 'target takes one HOST:PORT, module one name' });
      }
      try {
        const probed = await fleet.probe(target, module, scrapeTimeout(request.headers[SCRAPE_TIMEOUT]));
        await turns.next();
        const { type, text } = await exposition(probed);
        if (debug === 'true') return reply.type('text/plain; charset=utf-8').send(debugText(probed, text));
        return reply.type(type).send(text);
      } catch (error) {
        if (!(error instanceof ProbeRefusal)) throw error;
        return reply.code(error.status).send({ error: error.message });
      }
    });
  };
}

function scrapeTimeout(header: unknown): number | undefined {
  const seconds = typeof header === 'string' ? Number(header) : Number.NaN;
  return seconds > 0 ? seconds * 1000 : undefined;
}

function debugText({ log, failure }: Probed, metrics: string): string {
  const verdict = failure ? `The probe failed: ${failure.reason}.` : 'The probe succeeded.';
  return `${verdict}\n\nLog:\n${log.join('\n')}\n\nMetrics:\n${metrics}`;
}
