import { createHash, timingSafeEqual } from 'node:crypto';

/** Syntax of a token: a value of HTTP's `Authorization: Bearer`. */
export const tokenPattern = /^(?=.{16,1024}$)[A-Za-z0-9._~+/-]+=*$/;
export const TOKEN_FORMS = '16 to 1024 of A-Z a-z 0-9 . _ ~ + / -';
/** Enough for old and new tokens during a rotation. */
export const MAX_TOKENS = 16;

/** The accepted tokens. The time of a lookup depends neither on which token matches nor on how much of it does. */
export class Tokens {
  private readonly digests: readonly Buffer[];

  constructor(tokens: readonly string[]) {
    this.digests = tokens.map(digestOf);
  }

  has(token: string): boolean {
    return this.find(token) !== undefined;
  }

  /** The digest of `token` if it is accepted. */
  find(token: string): Buffer | undefined {
    return this.keeps(digestOf(token));
  }

  /** `digest` if it is of an accepted token; it may come from an earlier set of tokens. */
  keeps(digest: Buffer): Buffer | undefined {
    let match: Buffer | undefined;
    // All are compared, for constant time.
    for (const known of this.digests) match = timingSafeEqual(known, digest) ? known : match;
    return match;
  }
}

/** Digests have one length, which a comparison in constant time requires. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
