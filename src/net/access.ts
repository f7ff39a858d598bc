/** Who may see more than a status: reports, names of checks, reasons. */
export const detailModes = ['loopback', 'always', 'token', 'never'] as const;
export type DetailMode = (typeof detailModes)[number];

/**
 * Whether a peer at `remoteAddress` may see detail. A peer without an address
 * came over a Unix socket, and so from this machine. Behind a local proxy
 * everyone is loopback. `hasToken`: it has shown a right one.
 */
export function mayDetail(mode: DetailMode, remoteAddress: string | undefined, hasToken = false): boolean {
  switch (mode) {
    case 'always':
      return true;
    case 'loopback':
      return isLoopback(remoteAddress);
    case 'token':
      return hasToken;
    case 'never':
      return false;
  }
}

function isLoopback(address: string | undefined): boolean {
  return address === undefined || address === '::1' || /^(::ffff:)?127\./.test(address);
}
