import type { FastifyReply, FastifyRequest } from 'fastify';
import { mayDetail } from '../link/detail.js';
import type { HttpContext } from './context.js';

/** What the sender of a request may see; `wrong-token`: it showed one that is none of ours. */
export type Right = 'detail' | 'status' | 'wrong-token';

/**
 * To be asked when the request comes: a socket that is closed meanwhile has no
 * address any more, as if it were local.
 */
export function rightOf({ detail, tokens }: HttpContext, { raw }: FastifyRequest): Right {
  const shown = tokens && bearer(raw.headers.authorization);
  if (shown !== undefined && !tokens?.has(shown)) return 'wrong-token';
  return mayDetail(detail, raw.socket.remoteAddress, shown !== undefined) ? 'detail' : 'status';
}

/** 401 for who could show a right token, 403 for whom no token would help. */
export function refuse({ detail }: HttpContext, right: Right, reply: FastifyReply): FastifyReply {
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
