import { withTimeout } from '../../common/with-timeout.js';
import { ANSWER_TIMEOUT_MS } from '../answer.js';
import type { RouteContext } from '../context.js';
import { jsonReply, type Route } from '../route.js';

/**
 * `GET /metrics`: the metrics, in the format of the registry. Runs no check. Returns 200 regardless of the service's
 * status, and 503 if another collector in the application's registry does not answer in time.
 */
export function metricsRoute({ register, clock, renderings }: RouteContext): Route {
  const registry = register();
  const render = async () => {
    const text = await withTimeout(clock, ANSWER_TIMEOUT_MS, registry.metrics());
    return text === undefined ? undefined : { type: registry.contentType, body: Buffer.from(text) };
  };
  return async (request) => {
    const rendering = await renderings.of('metrics', render);
    if (!rendering) return jsonReply(503, { error: 'a metrics collector timed out' });
    return renderings.reply(request, rendering);
  };
}
