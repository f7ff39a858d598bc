/** Reasons for closing an HTTP connection when it is accepted. */
export const httpRefusals = ['max-connections', 'max-connections-per-address'] as const;
export type HttpRefusal = (typeof httpRefusals)[number];

/**
 * Reasons for which the server closes an HTTP connection. `made-room-...`: at the connection limit, a connection that
 * had sent no request, was idle, or did not read its response was closed for a new one.
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

/** Counters of HTTP connections. All are zero if the application serves HTTP. */
export class HttpStats {
  open = 0;
  /** Maximum number of connections. */
  limit = 0;
  readonly refused = zeros(httpRefusals);
  readonly closed = zeros(httpCloseReasons);
}
