import type { RouteContext } from '../context.js';
import { jsonReply, type Route } from '../route.js';
import { scrape } from './scrape.js';

/**
 * `GET /metrics`: the metrics, in the format of the registry. Runs no check. Returns 200 regardless of the service's
 * status, and 503 if another collector in the application's registry does not answer in time.
 */
export function metricsRoute({ register, clock, renderings }: RouteContext): Route {
  const registry = register();
  const render = async () => {
    const text = await scrape(registry, clock);
    return text === undefined ? undefined : { type: registry.contentType, body: Buffer.from(text) };
  };
  return async (request) => {
    const rendering = await renderings.of('metrics', render);
    if (!rendering) return jsonReply(503, { error: 'a metrics collector timed out' });
    return renderings.reply(request, rendering);
  };
}
