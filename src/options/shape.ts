import type { Path, Report } from './issue.js';
import type { OptionRow } from './option.js';

/** The rows of a table, as a tree. */
export interface Shape {
  /** The option at this path, or the short form of a section. */
  row?: OptionRow;
  /** Keys of a map. */
  keys: Map<string, Shape>;
  /** Shape of the elements of a list. */
  item?: Shape;
  /** Whether other keys are allowed, with any value. */
  open?: boolean;
  /** Shape of the entries of a map with user-defined names as keys. */
  any?: Shape;
  /** Like `any`, if the shape depends on the entry. Returns undefined after it has reported an issue. */
  entry?(name: string, value: unknown, path: Path, report: Report): Shape | undefined;
}

/** The shape of those `rows` whose paths start with `prefix`. */
export function shapeOf(rows: readonly OptionRow[], prefix = ''): Shape {
  const root: Shape = { keys: new Map() };
  for (const row of rows) {
    let shape = root;
    for (const part of row.path.slice(prefix.length).split('.')) {
      if (part === '*') {
        shape = shape.any ??= { keys: new Map() };
        continue;
      }
      const key = part.replace('[]', '');
      const known = shape.keys.get(key) ?? { keys: new Map() };
      shape.keys.set(key, known);
      shape = known;
      if (part.endsWith('[]')) shape = shape.item ??= { keys: new Map() };
    }
    shape.row = row;
  }
  return root;
}
