const unitOctets = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;
type Unit = keyof typeof unitOctets;

/** What a number of octets looks like, for sentences. */
export const OCTETS_FORMS = 'a number of octets such as 65536, 256KiB or 1MiB';
export const octetsPattern = /^(\d{1,15})(KiB|MiB|GiB)?$/;

/** Reads `65536`, `256KiB`, `1MiB`, `1GiB`; undefined: something else. */
export function parseOctets(text: string): number | undefined {
  const [, count, unit] = octetsPattern.exec(text) ?? [];
  if (count === undefined) return undefined;
  const octets = Number(count) * (unit === undefined ? 1 : unitOctets[unit as Unit]);
  return Number.isSafeInteger(octets) ? octets : undefined;
}

/** The shortest text that `parseOctets` reads back as `octets`. */
export function formatOctets(octets: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB'] as const) {
    if (octets > 0 && octets % unitOctets[unit] === 0) return `${octets / unitOctets[unit]}${unit}`;
  }
  return String(octets);
}
