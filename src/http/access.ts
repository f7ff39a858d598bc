import { mayDetail } from '../net/access.js';
import type { HttpContext } from './context.js';
import { type Get, jsonReply, type Reply } from './route.js';

/** Access level of the client of a request. `wrong-token`: the client sent a token that is not accepted. */
export type Access = 'detail' | 'status' | 'wrong-token';

/**
 * Determines the access level of a request's client. Must be called when the request arrives, because a closed socket
 * has no address and would count as loopback.
 */
export function accessOf({ access: { detail, tokens } }: HttpContext, { raw }: Get): Access {
  const token = tokens && bearerToken(raw.headers.authorization);
  if (token !== undefined && !tokens?.has(token)) return 'wrong-token';
  const hasToken = token !== undefined || tokens?.has(basicPassword(raw.headers.authorization)) === true;
  return mayDetail(detail, raw.socket.remoteAddress, hasToken) ? 'detail' : 'status';
}

/** Makes a browser prompt for a user name, which is ignored, and for a password, which must be the token. */
export function promptForToken(): Reply {
  const scheme = 'Basic realm="pongcheck: any user name, a token as the password", charset="UTF-8"';
  return jsonReply(401, { error: 'a token is required' }, { 'www-authenticate': scheme });
}

/** 401 if a token would grant access, else 403. */
export function denyAccess({ access: { detail } }: HttpContext, access: Access): Reply {
  if (access === 'wrong-token') {
    return jsonReply(401, { error: 'invalid token' }, { 'www-authenticate': 'Bearer error="invalid_token"' });
  }
  if (detail !== 'token') return jsonReply(403, { error: 'details are not available to this client' });
  return jsonReply(401, { error: 'a token is required' }, { 'www-authenticate': 'Bearer' });
}

/** Returns the token of a Bearer header (RFC 6750). Other schemes may belong to the application and are ignored. */
function bearerToken(header: string | undefined): string | undefined {
  return /^bearer +([^ ]+)$/i.exec(header ?? '')?.[1];
}

/**
 * Returns the password of a Basic header (RFC 7617), which is what browsers send. A wrong password may belong to the
 * application and is ignored.
 */
function basicPassword(header: string | undefined): string {
  const [, credentials = ''] = /^basic +([^ ]+)$/i.exec(header ?? '') ?? [];
  return Buffer.from(credentials, 'base64')
    .toString()
    .replace(/^[^:]*:/, '');
}
