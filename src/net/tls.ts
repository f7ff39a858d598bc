/** ALPN identifier of this protocol over TLS (SPEC "TLS"). */
export const ALPN = 'pongcheck/1';

/** Allowed minimum TLS versions. Older versions are never used (SPEC "TLS"). */
export const tlsVersions = ['TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof tlsVersions)[number];

const problems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_REVOKED: 'is revoked',
  CERT_UNTRUSTED: 'is not trusted',
  CERT_REJECTED: 'is not trusted',
  INVALID_PURPOSE: 'has another purpose',
  INVALID_CA: 'was issued by a certificate that is not a CA',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'was issued by an unknown CA',
  UNABLE_TO_GET_ISSUER_CERT: 'was issued by an unknown CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'was issued by an unknown CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'was issued by an unknown CA',
  CERT_SIGNATURE_FAILURE: 'has an invalid signature',
  CERT_CHAIN_TOO_LONG: 'has a chain that is too long',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
  HOSTNAME_MISMATCH: 'is for another name',
};

/**
 * Describes a certificate problem as a clause such as "has expired". Returns undefined for a code that is not about a
 * certificate.
 */
export function certificateProblem(code: string): string | undefined {
  return problems[code] ?? (/^(CERT|CRL|UNABLE_TO)_/.test(code) ? `is not accepted (${code})` : undefined);
}

/** Returns `cert` or `key` if only the other one is given; undefined if both or neither are given. */
export function missingOf({ cert, key }: { cert?: unknown; key?: unknown }): 'cert' | 'key' | undefined {
  if ((cert === undefined) === (key === undefined)) return undefined;
  return cert === undefined ? 'cert' : 'key';
}
