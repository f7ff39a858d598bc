/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** min / median / max of times in milliseconds, as seconds. */
export function spread(times: readonly number[], digits = 2): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) => ((sorted[Math.round((sorted.length - 1) * part)] as number) / 1000).toFixed(digits);
  return `${at(0)} / ${at(0.5)} / ${at(1)} s`;
}
