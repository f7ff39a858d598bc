import type { FastifyReply, FastifyRequest } from 'fastify';
import { mayDetail } from '../net/access.js';
import type { HttpContext } from './context.js';

/** What the sender of a request may see; `wrong-token`: it showed one that is none of ours. */
export type Right = 'detail' | 'status' | 'wrong-token';

/**
 * To be asked when the request comes: a socket that is closed meanwhile has no
 * address any more, as if it were local.
 */
export function rightOf({ access: { detail, tokens } }: HttpContext, { raw }: FastifyRequest): Right {
  const shown = tokens && bearer(raw.headers.authorization);
  if (shown !== undefined && !tokens?.has(shown)) return 'wrong-token';
  const hasToken = shown !== undefined || tokens?.has(password(raw.headers.authorization)) === true;
  return mayDetail(detail, raw.socket.remoteAddress, hasToken) ? 'detail' : 'status';
}

/** Makes a browser ask for a name, which may be any, and a password, which is the token. */
export function askBrowser(reply: FastifyReply): FastifyReply {
  return reply
    .header('www-authenticate', 'Basic realm="pongcheck: any name, a token as the password", charset="UTF-8"')
    .code(401)
    .send({ error: 'a token is required' });
}

/** 401 for who could show a right token, 403 for whom no token would help. */
export function refuse({ access: { detail } }: HttpContext, right: Right, reply: FastifyReply): FastifyReply {
  if (right === 'wrong-token') {
    reply.header('www-authenticate', 'Bearer error="invalid_token"');
    return reply.code(401).send({ error: 'the token is not a right one' });
  }
  if (detail !== 'token') return reply.code(403).send({ error: 'no detail for you' });
  return reply.header('www-authenticate', 'Bearer').code(401).send({ error: 'a token is required' });
}

/** RFC 6750; what an application uses Authorization for otherwise is not ours to judge. */
function bearer(header: string | undefined): string | undefined {
  return /^bearer +([^ ]+)$/i.exec(header ?? '')?.[1];
}

/** RFC 7617: all that a browser can show. A wrong one may be for the application, and counts as none. */
function password(header: string | undefined): string {
  const [, given = ''] = /^basic +([^ ]+)$/i.exec(header ?? '') ?? [];
  return Buffer.from(given, 'base64')
    .toString()
    .replace(/^[^:]*:/, '');
}
