/** Who may see more than a status: reports, names of checks, reasons. */
export const detailModes = ['loopback', 'always', 'token', 'never'] as const;
export type DetailMode = (typeof detailModes)[number];

/**
 * Whether a peer at `remoteAddress` may see detail. A peer without an address
 * came over a Unix socket, and so from this machine. Behind a local proxy
 * everyone is loopback.
 */
export function mayDetail(mode: DetailMode, remoteAddress: string | undefined): boolean {
  return mode === 'always' || (mode === 'loopback' && isLoopback(remoteAddress));
}

function isLoopback(address: string | undefined): boolean {
  return address === undefined || address === '::1' || /^(::ffff:)?127\./.test(address);
}
