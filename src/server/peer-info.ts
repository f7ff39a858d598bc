/** What is known of a client that its socket does not say. */
export interface PeerInfo {
  /** Where it really is, by the word of a proxy that is believed. */
  readonly source?: Source | undefined;
  /** Why nothing is answered to it: it is told so at its first question. */
  readonly refusal?: string | undefined;
}

/** The far end of a connection that came through a proxy. */
export interface Source {
  /** `unknown` where the proxy does not say: never this machine, and not counted per address. */
  readonly address: string;
  readonly port: number | undefined;
}
