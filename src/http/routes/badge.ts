import { healthQuery } from '../answer.js';
import { badgeSvg } from '../badge.js';
import type { RouteContext } from '../context.js';
import { jsonReply, type Route } from '../route.js';

/**
 * `GET /badge.svg`: the state of readiness or of `?group=NAME` as an image, with the name of the group or `?label=TEXT`
 * beside it. It tells what `GET /health` tells every client. 200 in each state, because many viewers of images show only
 * those; 404 for a group that does not exist, also with an image.
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
      // Proxies of images in wikis and READMEs ask again then.
      'cache-control': 'no-cache',
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'nosniff',
    });
  };
}
