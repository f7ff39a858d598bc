/** Replacement for a secret. */
export const MASK = '***';

/**
 * Masks known secrets in texts. The cost is linear in the length of the text and logarithmic in the number of secrets.
 */
export class SecretMask {
  /** Sorted by `<`. */
  private readonly sorted: readonly string[];
  /** For each secret, the index of the longest other secret that is a prefix of it, or -1. */
  private readonly prefixes: readonly number[];

  constructor(secrets: Iterable<string>) {
    this.sorted = [...spellings(secrets)].sort();
    const prefixes: number[] = [];
    for (const [index, secret] of this.sorted.entries()) {
      let shorter = index - 1;
      while (shorter >= 0 && !secret.startsWith(this.sorted[shorter] as string)) shorter = prefixes[shorter] as number;
      prefixes.push(shorter);
    }
    this.prefixes = prefixes;
  }

  /**
   * Returns the first `limit` characters of a text with its secrets masked. A secret that starts before the limit is
   * masked as a whole; overlapping secrets are masked together.
   */
  apply(text: string, limit: number): string {
    const end = Math.min(text.length, limit);
    if (this.sorted.length === 0) return text.slice(0, end);
    let masked = '';
    let copiedUntil = 0;
    let maskedUntil = 0;
    for (let at = 0; at < end; at++) {
      const until = at + this.longestAt(text, at);
      if (until <= Math.max(at, maskedUntil)) continue;
      if (at >= maskedUntil) masked += text.slice(copiedUntil, at) + MASK;
      maskedUntil = until;
      copiedUntil = until;
    }
    return masked + text.slice(copiedUntil, Math.max(copiedUntil, end));
  }

  /** Length of the longest secret that starts at `at`, or 0. */
  private longestAt(text: string, at: number): number {
    const rest = text.slice(at);
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.sorted[middle] as string) <= rest) low = middle + 1;
      else high = middle;
    }
    // Every secret that is a prefix of the rest is either the last one that sorts before the rest, or a prefix of that
    // one.
    for (let index = low - 1; index >= 0; index = this.prefixes[index] as number) {
      const secret = this.sorted[index] as string;
      if (rest.startsWith(secret)) return secret.length;
    }
    return 0;
  }
}

/** The secrets as given, and as encoded in JSON, in URLs and in HTTP basic authentication. */
function spellings(secrets: Iterable<string>): ReadonlySet<string> {
  const all = new Set<string>();
  for (const given of secrets) {
    for (const secret of new Set([given, given.trim(), decoded(given)])) {
      all.add(secret);
      all.add(JSON.stringify(secret).slice(1, -1));
      // The encoded form of a very short secret would occur in ordinary words.
      if (secret.length >= 4) {
        const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
        all.add(base64).add(base64.replaceAll('+', '-').replaceAll('/', '_'));
      }
      // `encodeURIComponent` throws for a lone surrogate.
      if (/\p{Cs}/u.test(secret)) continue;
      const encoded = encodeURIComponent(secret);
      all.add(encodeURI(secret)).add(encoded).add(encoded.replaceAll('%20', '+'));
      all.add(encoded.replace(/%../g, (byte) => byte.toLowerCase()));
    }
  }
  all.delete('');
  return all;
}

function decoded(secret: string): string {
  try {
    return decodeURIComponent(secret);
  } catch {
    return secret;
  }
}
