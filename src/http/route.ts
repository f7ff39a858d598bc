import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ParsedUrlQuery } from 'node:querystring';

/** A GET or HEAD request for a route. */
export interface Get {
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
  /** The path as requested by the client, including the prefix of the routes. */
  readonly path: string;
  readonly query: Readonly<ParsedUrlQuery>;
}

/** A complete response. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * Resolves with the response, or with undefined if the route sends the response itself or the client has disconnected.
 */
export type Route = (request: Get) => Promise<Reply | undefined>;

export function jsonReply(status: number, value: object, headers: Reply['headers'] = {}): Reply {
  const type = { 'content-type': 'application/json; charset=utf-8' };
  return { status, headers: { ...type, ...headers }, body: Buffer.from(JSON.stringify(value)) };
}

/** @param location relative to the requested path. */
export function redirect(status: 302 | 308, location: string): Reply {
  return { status, headers: { location }, body: Buffer.alloc(0) };
}
