/** A table of results. Its cells are Markdown. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The output of an experiment: tables, and paragraphs between them. */
export type Shown = readonly (Table | string)[];

export function table(head: readonly string[], rows: readonly (readonly string[])[]): Table {
  return { head, rows };
}

export function markdown(shown: Table | string): string {
  if (typeof shown === 'string') return shown;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(shown.head), line(shown.head.map(() => '---')), ...shown.rows.map(line)].join('\n');
}

/** Minimum, median and maximum. */
export interface Range {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Converts times in milliseconds to a range in seconds. */
export function rangeOf(times: readonly number[]): Range {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) => Number(((sorted[Math.round((sorted.length - 1) * part)] as number) / 1000).toFixed(3));
  return { min: at(0), median: at(0.5), max: at(1) };
}

/** Formats a range as min / median / max in seconds. */
export function seconds({ min, median, max }: Range, digits = 2): string {
  return `${[min, median, max].map((time) => time.toFixed(digits)).join(' / ')} s`;
}

/** Formats times in milliseconds as min / median / max in seconds. */
export function spread(times: readonly number[], digits = 2): string {
  return seconds(rangeOf(times), digits);
}
