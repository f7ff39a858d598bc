import { createHash, timingSafeEqual } from 'node:crypto';

/** What a token looks like: what HTTP's `Authorization: Bearer` carries as it is. */
export const tokenPattern = /^(?=.{16,1024}$)[A-Za-z0-9._~+/-]+=*$/;
export const TOKEN_FORMS = '16 to 1024 of A-Z a-z 0-9 . _ ~ + / -';
/** Enough to have old and new ones side by side while they are changed. */
export const MAX_TOKENS = 16;

/** The tokens that show a right. Which of them was shown, and how much of one was right, takes no time to find out. */
export class Tokens {
  private readonly digests: readonly Buffer[];

  constructor(tokens: readonly string[]) {
    this.digests = tokens.map(digestOf);
  }

  has(shown: string): boolean {
    return this.find(shown) !== undefined;
  }

  /** The digest of a right one. */
  find(shown: string): Buffer | undefined {
    return this.keeps(digestOf(shown));
  }

  /** The digest, where it is of one of these tokens; it may come from tokens that were right before. */
  keeps(digest: Buffer): Buffer | undefined {
    let found: Buffer | undefined;
    // Each is compared, whatever the one before said.
    for (const known of this.digests) found = timingSafeEqual(known, digest) ? known : found;
    return found;
  }
}

/** Of one length, whatever the text: only such can be compared in constant time. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
