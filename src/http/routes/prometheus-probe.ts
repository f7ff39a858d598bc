import { type ProbeExporter, ProbeRejection } from '../../exporter/exporter.js';
import { exposition } from '../../exporter/exposition.js';
import type { FinishedProbe } from '../../exporter/probe.js';
import { jsonReply, type Reply, type Route } from '../route.js';
import type { Turns } from '../turns.js';

/** Prometheus sends its scrape timeout in this header, in seconds. */
const SCRAPE_TIMEOUT_HEADER = 'x-prometheus-scrape-timeout-seconds';

/**
 * `GET /probe?target=HOST:PORT&module=NAME`: the metrics of one probe. Returns 200 even if the probe failed, 400 for an
 * invalid target or an unknown module, and 403 for a target that is not allowed. `&debug=true` prepends the probe's
 * log. The probe ends when its client disconnects.
 */
export function prometheusProbeRoute(exporter: ProbeExporter, turns: Turns): Route {
  return async ({ query, raw: { headers, socket } }) => {
    const { target, module = 'pongcheck', debug } = query;
    if (typeof target !== 'string' || typeof module !== 'string') {
      return jsonReply(400, { error: 'invalid query; expected one target=HOST:PORT and one module=NAME' });
    }
    const disconnected = new AbortController();
    const onClose = () => disconnected.abort();
    // A pipelined response has no socket yet, and emits no close event when the socket closes.
    socket.once('close', onClose);
    try {
      // Waits until a client that pipelines too many requests has been disconnected, before its probes connect to the
      // target.
      await turns.next();
      if (socket.destroyed) return undefined;
      const timeout = scrapeTimeout(headers[SCRAPE_TIMEOUT_HEADER]);
      const probed = await exporter.probe(target, module, timeout, disconnected.signal);
      await turns.next();
      if (socket.destroyed) return undefined;
      const { type, text } = await exposition(probed);
      return debug === 'true' ? textReply('text/plain; charset=utf-8', debugText(probed, text)) : textReply(type, text);
    } catch (error) {
      if (!(error instanceof ProbeRejection)) throw error;
      return jsonReply(error.status, { error: error.message });
    } finally {
      socket.off('close', onClose);
    }
  };
}

function textReply(type: string, text: string): Reply {
  return { status: 200, headers: { 'content-type': type }, body: Buffer.from(text) };
}

function scrapeTimeout(header: unknown): number | undefined {
  const seconds = typeof header === 'string' ? Number(header) : Number.NaN;
  return seconds > 0 ? seconds * 1000 : undefined;
}

function debugText({ log, failure }: FinishedProbe, metrics: string): string {
  const outcome = failure ? `The probe failed: ${failure.reason}.` : 'The probe succeeded.';
  return `${outcome}\n\nLog:\n${log.join('\n')}\n\nMetrics:\n${metrics}`;
}
