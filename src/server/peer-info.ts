/** Facts about a client that its socket does not have. */
export interface PeerInfo {
  /** Its address according to a trusted proxy. */
  readonly source?: Source | undefined;
  /** Why the client is not authorized; sent in the answer to its first request. */
  readonly rejection?: string | undefined;
}

/** The client side of a proxied connection. */
export interface Source {
  /** `unknown` if the proxy does not report it: not loopback, and not counted per address. */
  readonly address: string;
  readonly port: number | undefined;
}
