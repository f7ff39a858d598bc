import { healthQuery } from '../answer.js';
import { badgeSvg } from '../badge.js';
import type { RouteContext } from '../context.js';
import { jsonReply, type Route } from '../route.js';

/**
 * `GET /badge.svg`: the state of readiness or of `?group=NAME` as an image, labeled with the name of the group or
 * `?label=TEXT`. It shows no more than `GET /health` shows to every client. The status code is 200 for every state,
 * because many image viewers ignore other responses. A group that does not exist returns an image with 404.
 */
export function badgeRoute({ health, renderings }: RouteContext): Route {
  const ask = healthQuery(health);
  return async (request) => {
    const { group, label = group ?? 'health' } = request.query;
    if (Array.isArray(group) || Array.isArray(label)) {
      return jsonReply(400, { error: 'only one group and one label are allowed' });
    }
    const { state } = await ask({ scope: 'readiness', ...(group !== undefined && { group }) });
    const rendering = { type: 'image/svg+xml; charset=utf-8', body: Buffer.from(badgeSvg(label, state)) };
    return renderings.reply(request, rendering, state === 'not-found' ? 404 : 200, {
      // Makes image proxies for wikis and READMEs request the image again.
      'cache-control': 'no-cache',
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'nosniff',
    });
  };
}
