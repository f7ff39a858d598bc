const MASK = '***';

/** Masks known secrets in texts. The work grows with the text, and hardly with the number of secrets. */
export class SecretMask {
  /** In the order of `<`. */
  private readonly sorted: readonly string[];
  /** For each, where the longest stands that it begins with; -1: none. */
  private readonly within: readonly number[];

  constructor(secrets: Iterable<string>) {
    this.sorted = [...spellings(secrets)].sort();
    const within: number[] = [];
    for (const [index, secret] of this.sorted.entries()) {
      let shorter = index - 1;
      while (shorter >= 0 && !secret.startsWith(this.sorted[shorter] as string)) shorter = within[shorter] as number;
      within.push(shorter);
    }
    this.within = within;
  }

  /**
   * The first `limit` characters of a text, without secrets. One that begins before the limit is masked whole, so that
   * the cut leaves no part of it; where several overlap all of them are.
   */
  apply(text: string, limit: number): string {
    const end = Math.min(text.length, limit);
    if (this.sorted.length === 0) return text.slice(0, end);
    let masked = '';
    let shownFrom = 0;
    let maskedUntil = 0;
    for (let at = 0; at < end; at++) {
      const until = at + this.longestAt(text, at);
      if (until <= Math.max(at, maskedUntil)) continue;
      if (at >= maskedUntil) masked += text.slice(shownFrom, at) + MASK;
      maskedUntil = until;
      shownFrom = until;
    }
    return masked + text.slice(shownFrom, Math.max(shownFrom, end));
  }

  /** The length of the longest secret that begins there; 0: none does. */
  private longestAt(text: string, at: number): number {
    const rest = text.slice(at);
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.sorted[middle] as string) <= rest) low = middle + 1;
      else high = middle;
    }
    // Whatever the rest begins with, the last one that is not behind it begins with as well.
    for (let found = low - 1; found >= 0; found = this.within[found] as number) {
      const secret = this.sorted[found] as string;
      if (rest.startsWith(secret)) return secret.length;
    }
    return 0;
  }
}

/** The secrets as they are, and as JSON, a URL or HTTP's basic authentication spell them. */
function spellings(secrets: Iterable<string>): ReadonlySet<string> {
  const all = new Set<string>();
  for (const given of secrets) {
    for (const secret of new Set([given, given.trim(), decoded(given)])) {
      all.add(secret);
      all.add(JSON.stringify(secret).slice(1, -1));
      // That of a very short one is found in many a word.
      if (secret.length >= 4) {
        const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
        all.add(base64).add(base64.replaceAll('+', '-').replaceAll('/', '_'));
      }
      // A lone surrogate has no place in a URL.
      if (/\p{Cs}/u.test(secret)) continue;
      const encoded = encodeURIComponent(secret);
      all.add(encodeURI(secret)).add(encoded).add(encoded.replaceAll('%20', '+'));
      all.add(encoded.replace(/%../g, (octet) => octet.toLowerCase()));
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
