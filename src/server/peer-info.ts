/** Facts about a client that its socket does not provide. */
export interface PeerInfo {
  /** Address of the client as reported by a trusted proxy. */
  readonly source?: Source | undefined;
  /** Why the client is not authorized. Sent in the answer to its first request. */
  readonly rejection?: string | undefined;
}

/** The client side of a proxied connection. */
export interface Source {
  /** `unknown` if the proxy does not report it. Such a client is not loopback, and is not counted per address. */
  readonly address: string;
  readonly port: number | undefined;
}
