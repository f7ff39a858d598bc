import { createHash, timingSafeEqual } from 'node:crypto';

/** Token syntax: what `Authorization: Bearer` in HTTP allows. */
export const tokenPattern = /^(?=.{16,1024}$)[A-Za-z0-9._~+/-]+=*$/;
export const TOKEN_FORMS = '16 to 1024 of A-Z a-z 0-9 . _ ~ + / -';
/** Maximum number of accepted tokens, enough for old and new tokens during a rotation. */
export const MAX_TOKENS = 16;

/**
 * The accepted tokens. The duration of a lookup depends neither on which token matches nor on how much of it matches.
 */
export class Tokens {
  private readonly digests: readonly Buffer[];

  constructor(tokens: readonly string[]) {
    this.digests = tokens.map(digestOf);
  }

  has(token: string): boolean {
    return this.find(token) !== undefined;
  }

  /** Returns the digest of `token` if the token is accepted. */
  find(token: string): Buffer | undefined {
    return this.keeps(digestOf(token));
  }

  /** Returns `digest` if it belongs to an accepted token. The digest may come from an earlier set of tokens. */
  keeps(digest: Buffer): Buffer | undefined {
    let match: Buffer | undefined;
    // Compares all digests, so that the duration is constant.
    for (const known of this.digests) match = timingSafeEqual(known, digest) ? known : match;
    return match;
  }
}

/** Digests all have the same length, as constant-time comparison requires. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
