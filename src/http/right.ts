import type { FastifyReply, FastifyRequest } from 'fastify';
import { mayDetail } from '../net/access.js';
import type { HttpContext } from './context.js';

/** Access of the client of a request. `wrong-token`: it sent a token that is not accepted. */
export type Right = 'detail' | 'status' | 'wrong-token';

/**
 * The access of the client of a request. Must be called when the request arrives: a closed socket has no address, and
 * would count as loopback.
 */
export function rightOf({ access: { detail, tokens } }: HttpContext, { raw }: FastifyRequest): Right {
  const token = tokens && bearerToken(raw.headers.authorization);
  if (token !== undefined && !tokens?.has(token)) return 'wrong-token';
  const hasToken = token !== undefined || tokens?.has(basicPassword(raw.headers.authorization)) === true;
  return mayDetail(detail, raw.socket.remoteAddress, hasToken) ? 'detail' : 'status';
}

/** Makes a browser prompt for a user name, which is ignored, and a password, which is the token. */
export function promptForToken(reply: FastifyReply): FastifyReply {
  return reply
    .header('www-authenticate', 'Basic realm="pongcheck: any user name, a token as the password", charset="UTF-8"')
    .code(401)
    .send({ error: 'a token is required' });
}

/** 401 if a token would grant access, else 403. */
export function denyAccess({ access: { detail } }: HttpContext, right: Right, reply: FastifyReply): FastifyReply {
  if (right === 'wrong-token') {
    reply.header('www-authenticate', 'Bearer error="invalid_token"');
    return reply.code(401).send({ error: 'invalid token' });
  }
  if (detail !== 'token') return reply.code(403).send({ error: 'details are not available to this client' });
  return reply.header('www-authenticate', 'Bearer').code(401).send({ error: 'a token is required' });
}

/** The token of a Bearer header (RFC 6750). Other schemes may belong to the application, and are ignored. */
function bearerToken(header: string | undefined): string | undefined {
  return /^bearer +([^ ]+)$/i.exec(header ?? '')?.[1];
}

/** The password of a Basic header (RFC 7617), which browsers send. A wrong one may belong to the application, and is ignored. */
function basicPassword(header: string | undefined): string {
  const [, credentials = ''] = /^basic +([^ ]+)$/i.exec(header ?? '') ?? [];
  return Buffer.from(credentials, 'base64')
    .toString()
    .replace(/^[^:]*:/, '');
}
