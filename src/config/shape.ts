import { resolve } from 'node:path';
import { found } from './found.js';
import type { OptionRow } from './option.js';
import { isMap } from './path.js';
import type { Complain, Path } from './problems.js';
import { didYouMean, NAME_FORMS, namePattern, Refusal, valueTypes } from './values.js';
import { expandVariables } from './variables.js';

export type Env = Readonly<Record<string, string | undefined>>;

/** A table's rows as the tree that a file has. */
export interface Shape {
  /** What may stand here that is no map and no list: an option, or the short form of a section. */
  row?: OptionRow;
  /** The keys of a map. */
  keys: Map<string, Shape>;
  /** An element of a list. */
  item?: Shape;
  /** Keys beyond those are taken as they are. */
  open?: boolean;
  /** Each entry of a map whose keys are names of the user's own. */
  any?: Shape;
  /** The same where it depends on what is said there; undefined: it was complained of. */
  entry?(name: string, value: unknown, path: Path, complain: Complain): Shape | undefined;
}

/** The shape of `rows`, whose paths are told from `prefix` on. */
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

/** Reads what a file says against a shape, and complains of every place that does not fit. */
export class ShapeReader {
  readonly #env: Env;
  readonly #folder: string;
  readonly #complain: Complain;

  /** `folder` is where relative paths of files begin. */
  constructor(env: Env, folder: string, complain: Complain) {
    this.#env = env;
    this.#folder = folder;
    this.#complain = complain;
  }

  /** The value, typed as its options say; undefined where nothing of it could be taken. */
  read(shape: Shape, value: unknown, path: Path): unknown {
    if (shape.keys.size > 0 && (isMap(value) || value === null)) return this.#readMap(shape, value ?? {}, path);
    if ((shape.entry || shape.any) && (isMap(value) || value === null))
      return this.#readEntries(shape, value ?? {}, path);
    if (shape.item && Array.isArray(value)) return this.#readList(shape.item, value, path);
    if (shape.row) return this.#readOption(shape.row, value, path);
    return this.#complain(path, `is ${found(value)}, allowed is ${shape.item ? 'a list' : 'a map'}`);
  }

  #readMap({ keys, open }: Shape, map: Readonly<Record<string, unknown>>, path: Path): Record<string, unknown> {
    const values: [string, unknown][] = [];
    for (const [key, value] of Object.entries(map)) {
      const at = [...path, key];
      const shape = keys.get(key);
      if (shape) values.push([key, this.read(shape, value, at)]);
      else if (open) values.push([key, this.#expandAll(value, at)]);
      else
        this.#complain(
          at,
          `is not known; ${didYouMean(key, keys.keys()) ?? `known are ${[...keys.keys()].join(', ')}`}`,
        );
    }
    for (const [key, { row }] of keys) {
      if (row?.required && !Object.hasOwn(map, key)) {
        this.#complain(path, `has no ${key}; allowed is ${valueTypes[row.type].allowed(row)}`);
      }
    }
    return Object.fromEntries(values);
  }

  #readEntries(shape: Shape, map: Readonly<Record<string, unknown>>, path: Path): Record<string, unknown> {
    const values: [string, unknown][] = [];
    for (const [name, value] of Object.entries(map)) {
      const at = [...path, name];
      if (shape.any && !namePattern.test(name)) this.#complain(at, `is no name, allowed are ${NAME_FORMS}`);
      const entry = shape.any ?? shape.entry?.(name, value, at, this.#complain);
      if (entry) values.push([name, this.read(entry, value, at)]);
    }
    return Object.fromEntries(values);
  }

  #readList(item: Shape, list: readonly unknown[], path: Path): unknown[] {
    return list.map((value, index) => this.read(item, value, [...path, index]));
  }

  #readOption(row: OptionRow, value: unknown, path: Path): unknown {
    const say = (sentence: string) => this.#complain(path, sentence);
    const text = typeof value === 'string' ? this.#expand(value, path) : undefined;
    const read =
      text === undefined
        ? readValue(row, this.#expandAll(value, path), say)
        : readText(row, text, say, value as string);
    return row.type === 'path' && typeof read === 'string' ? resolve(this.#folder, read) : read;
  }

  #expand(text: string, path: Path): string | undefined {
    return expandVariables(text, this.#env, path, this.#complain);
  }

  #expandAll(value: unknown, path: Path): unknown {
    if (typeof value === 'string') return this.#expand(value, path) ?? value;
    if (Array.isArray(value)) return value.map((element, index) => this.#expandAll(element, [...path, index]));
    if (!isMap(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [key, this.#expandAll(entry, [...path, key])]),
    );
  }
}

/** Reads a value of a file; complains with what was found and what is allowed. */
export function readValue(row: OptionRow, value: unknown, say: (sentence: string) => void): unknown {
  return attempt(row, value, say, () => valueTypes[row.type].read(value, row));
}

/** Reads a text of the environment or of a flag, or what became of `written` when its variables were put in. */
export function readText(row: OptionRow, text: string, say: (sentence: string) => void, written = text): unknown {
  const { read, readText = read } = valueTypes[row.type];
  return attempt(row, written, say, () => readText(text, row));
}

/** Reads the default of a row. */
export function readDefault(row: OptionRow, text: string): unknown {
  return readText(row, text, (sentence) => {
    throw new TypeError(`The default of ${row.path} ${sentence}`);
  });
}

function attempt(row: OptionRow, seen: unknown, say: (sentence: string) => void, read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    say(`is ${foundFor(row, seen)}, allowed is ${valueTypes[row.type].allowed(row)}${hint}`);
    return undefined;
  }
}

/** A text that should have been a URL may be a password from end to end. */
function foundFor({ type, secret }: OptionRow, value: unknown): string {
  if (typeof value !== 'string' || !(secret || type === 'url')) return found(value);
  return type === 'url' ? 'a text that is no URL' : 'a text';
}
