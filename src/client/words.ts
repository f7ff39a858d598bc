/** The words for the codes of a wire registry: `TOO_MANY_PINGS: 8` is 8 -> `too-many-pings`. */
export function wordsOf(registry: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(registry).map(([name, code]) => [code, name.toLowerCase().replaceAll('_', '-')]));
}
