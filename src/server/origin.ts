/** What is known of a client that its socket does not say. */
export interface Origin {
  /** Why nothing is answered to it: it is told so at its first question. */
  readonly refusal?: string;
}
