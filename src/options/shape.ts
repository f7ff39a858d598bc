import type { Path, Report } from './issue.js';
import type { OptionRow } from './option.js';

/** A table's rows as the tree that the options have. */
export interface Shape {
  /** What may stand here that is no map and no list: an option, or the short form of a section. */
  row?: OptionRow;
  /** The keys of a map. */
  keys: Map<string, Shape>;
  /** An element of a list. */
  item?: Shape;
  /** Further keys are taken as they are. */
  open?: boolean;
  /** Each entry of a map whose keys are names that the user chooses. */
  any?: Shape;
  /** The same where the shape depends on the entry; undefined: an issue was reported. */
  entry?(name: string, value: unknown, path: Path, report: Report): Shape | undefined;
}

/** The shape that `rows` describe. Their paths are read from behind `prefix`. */
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
