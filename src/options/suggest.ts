/** The known name most similar to `name`, or undefined if none is similar. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const normalized = normalize(name);
  // A long text is not a typing error, and the size of the table below depends on its length.
  if (normalized.length > 64) return undefined;
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.ceil(normalized.length / 2));
  for (const candidate of known) {
    const distance = editDistance(normalized, normalize(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Removes case and separators, so that `max_pending` equals `maxPending`. */
function normalize(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** Number of insertions, deletions, replacements and swaps of neighbors that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(previous[j] as number, current[j - 1] as number) + 1;
      least = Math.min(least, (previous[j - 1] as number) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] as number) + 1);
      }
      current.push(least);
    }
    [before, previous] = [previous, current];
  }
  return previous[b.length] as number;
}

/** Suggests a known word that is similar to this one. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const meant = nearest(word, known);
  return meant === undefined ? undefined : `did you mean ${meant}?`;
}
