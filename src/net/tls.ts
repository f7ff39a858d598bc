/** The ALPN identifier of this protocol over TLS (SPEC "TLS"). */
export const ALPN = 'pongcheck/1';

/** The versions of TLS that may be the least; there is none below (SPEC "TLS"). */
export const tlsVersions = ['TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof tlsVersions)[number];

const flaws: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_REVOKED: 'is revoked',
  CERT_UNTRUSTED: 'is not trusted',
  CERT_REJECTED: 'is not trusted',
  INVALID_PURPOSE: 'is for another purpose',
  INVALID_CA: 'was signed by something that is no authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'was signed by nobody but itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'is of an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'is of an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is of an authority that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is of an authority that is not known here',
  CERT_SIGNATURE_FAILURE: 'has a signature that is wrong',
  CERT_CHAIN_TOO_LONG: 'has too long a chain',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
  HOSTNAME_MISMATCH: 'is for another name',
};

/** What is wrong with a certificate, as it follows "a certificate that"; undefined for a code that is not about one. */
export function flawOf(code: string): string | undefined {
  return flaws[code] ?? (/^(CERT|CRL|UNABLE_TO)_/.test(code) ? `is not accepted (${code})` : undefined);
}
