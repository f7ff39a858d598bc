/** Why an HTTP connection was closed at accept. */
export const httpRefusals = ['max-connections', 'max-connections-per-address'] as const;
export type HttpRefusal = (typeof httpRefusals)[number];

/**
 * Why the server closed an HTTP connection. `made-room-...`: the limit of connections was reached and this one had sent no
 * request, was idle, or did not read its answer.
 */
export const httpCloseReasons = [
  'made-room-unused',
  'made-room-idle',
  'made-room-unread',
  'handshake-timeout',
  'request-timeout',
  'idle-timeout',
  'unread',
  'pipelining',
] as const;
export type HttpCloseReason = (typeof httpCloseReasons)[number];

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}

/** What the HTTP server counts of its connections; all zero where an application serves HTTP. */
export class HttpStats {
  open = 0;
  /** Connections that may be open at once. */
  limit = 0;
  readonly refused = zeros(httpRefusals);
  readonly closed = zeros(httpCloseReasons);
}
