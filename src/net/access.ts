/** Which peers receive details: reports, check names and reasons. */
export const detailModes = ['loopback', 'always', 'token', 'never'] as const;
export type DetailMode = (typeof detailModes)[number];

/**
 * Whether a peer receives details. Behind a proxy on the same host, every client appears as loopback.
 *
 * @param remoteAddress undefined for a Unix socket, which counts as loopback
 * @param hasToken whether the peer has sent a valid token
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
