const unitBytes = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;
type Unit = keyof typeof unitBytes;

/** Description of the syntax, for error messages. */
export const BYTES_FORMS = 'a number of bytes such as 65536, 256KiB or 1MiB';
export const bytesPattern = /^(\d{1,16})(KiB|MiB|GiB)?$/;

/** Parses `65536`, `256KiB`, `1MiB` or `1GiB`. Returns undefined if the text is not a size. */
export function parseBytes(text: string): number | undefined {
  const [, count, unit] = bytesPattern.exec(text) ?? [];
  if (count === undefined) return undefined;
  const bytes = Number(count) * (unit === undefined ? 1 : unitBytes[unit as Unit]);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Returns the shortest text that `parseBytes` parses as `bytes`. */
export function formatBytes(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB'] as const) {
    if (bytes > 0 && bytes % unitBytes[unit] === 0) return `${bytes / unitBytes[unit]}${unit}`;
  }
  return String(bytes);
}
