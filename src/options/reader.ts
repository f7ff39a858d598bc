import { resolve } from 'node:path';
import { formatValue } from './format-value.js';
import type { Path, Report } from './issue.js';
import { InvalidValue, type Mode, type OptionRow } from './option.js';
import { isMap } from './path.js';
import type { Shape } from './shape.js';
import { didYouMean } from './suggest.js';
import { NAME_FORMS, namePattern } from './value-types.js';
import { type Env, expandVariables } from './variables.js';

/** Text of a file: relative paths begin at `folder`, and `${VAR}` stands for what `env` has. */
export interface FileContext {
  readonly folder: string;
  readonly env: Env;
}

/** Reads values against a shape, and reports every place that is not as the shape allows. */
export class OptionReader {
  readonly #report: Report;
  readonly #file: FileContext | undefined;

  /** @param file absent: the values come from code. */
  constructor(report: Report, file?: FileContext) {
    this.#report = report;
    this.#file = file;
  }

  get #mode(): Mode {
    return this.#file ? 'file' : 'code';
  }

  /** Returns the value with each option as its type reads it; what was reported is left out. */
  read(shape: Shape, value: unknown, path: Path): unknown {
    // A section of a file that has nothing in it.
    const map = value === null && this.#file ? {} : value;
    if (shape.keys.size > 0 && isMap(map)) return this.#readMap(shape, map, path);
    if ((shape.entry || shape.any) && isMap(map)) return this.#readEntries(shape, map, path);
    if (shape.item && Array.isArray(value)) return this.#readList(shape.item, value, path);
    if (shape.row) return this.#readOption(shape.row, value, path);
    return this.#report(path, `is ${formatValue(value)}; allowed: ${formOf(shape)}`);
  }

  #readMap({ keys, open }: Shape, map: Readonly<Record<string, unknown>>, path: Path): Record<string, unknown> {
    const values: [string, unknown][] = [];
    for (const [key, value] of given(map)) {
      const at = [...path, key];
      const shape = keys.get(key);
      if (shape) values.push([key, this.read(shape, value, at)]);
      else if (open) values.push([key, this.#expandAll(value, at)]);
      else this.#report(at, unknownOption(key, keys));
    }
    for (const [key, { row }] of keys) {
      if (row?.required && map[key] === undefined) {
        this.#report([...path, key], `is missing; allowed: ${row.type.allowed(row, this.#mode)}`);
      }
    }
    return Object.fromEntries(values.filter(([, value]) => value !== undefined));
  }

  #readEntries(shape: Shape, map: Readonly<Record<string, unknown>>, path: Path): Record<string, unknown> {
    const values: [string, unknown][] = [];
    for (const [name, value] of given(map)) {
      const at = [...path, name];
      if (shape.any && !namePattern.test(name)) this.#report(at, `is not a valid name; allowed: ${NAME_FORMS}`);
      const entry = shape.any ?? shape.entry?.(name, value, at, this.#report);
      if (entry) values.push([name, this.read(entry, value, at)]);
    }
    return Object.fromEntries(values);
  }

  #readList(item: Shape, list: readonly unknown[], path: Path): unknown[] {
    return list.map((value, index) => this.read(item, value, [...path, index]));
  }

  #readOption(row: OptionRow, value: unknown, path: Path): unknown {
    const report = (description: string) => this.#report(path, description);
    if (!this.#file) return readValue(row, value, 'code', report);
    const text = typeof value === 'string' ? this.#expand(value, path) : undefined;
    const read =
      text === undefined
        ? readValue(row, this.#expandAll(value, path), 'file', report)
        : readText(row, text, report, value as string);
    return row.type.name === 'path' && typeof read === 'string' ? resolve(this.#file.folder, read) : read;
  }

  #expand(text: string, path: Path): string | undefined {
    return this.#file && expandVariables(text, this.#file.env, path, this.#report);
  }

  #expandAll(value: unknown, path: Path): unknown {
    if (!this.#file) return value;
    if (typeof value === 'string') return this.#expand(value, path) ?? value;
    if (Array.isArray(value)) return value.map((element, index) => this.#expandAll(element, [...path, index]));
    if (!isMap(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [key, this.#expandAll(entry, [...path, key])]),
    );
  }
}

function formOf({ keys, item }: Shape): string {
  if (keys.size > 0) return `a map with ${[...keys.keys()].join(', ')}`;
  return item ? 'a list' : 'a map';
}

/** An option that code leaves undefined is not given. */
function given(map: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(map).filter(([, value]) => value !== undefined);
}

function unknownOption(key: string, keys: Shape['keys']): string {
  const renamed = [...keys].find(([, { row }]) => row?.formerly === key);
  if (renamed) return `was renamed to ${renamed[0]}`;
  return `is not a known option; ${didYouMean(key, keys.keys()) ?? `allowed: ${[...keys.keys()].join(', ')}`}`;
}

/** Reads a value; reports what was found and what is allowed. */
export function readValue(row: OptionRow, value: unknown, mode: Mode, report: (description: string) => void): unknown {
  return attempt(row, value, mode, report, () => row.type.read(value, row, mode));
}

/** Reads what the environment, a flag or a variable says; `written` is what stands in its place. */
export function readText(row: OptionRow, text: string, report: (description: string) => void, written = text): unknown {
  return attempt(row, written, 'file', report, () =>
    row.type.readText ? row.type.readText(text, row) : row.type.read(text, row, 'file'),
  );
}

/** Reads the default of a row. */
export function readDefault(row: OptionRow, text: string): unknown {
  return readText(row, text, (description) => {
    throw new TypeError(`The default of ${row.path} ${description}`);
  });
}

function attempt(
  row: OptionRow,
  seen: unknown,
  mode: Mode,
  report: (description: string) => void,
  read: () => unknown,
): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    report(`is ${foundIn(row, seen)}; allowed: ${row.type.allowed(row, mode)}${hint}`);
    return undefined;
  }
}

/** A text that should have been a URL may be a password from end to end. */
function foundIn({ type, secret }: OptionRow, value: unknown): string {
  if (typeof value !== 'string' || !(secret || type.name === 'url')) return formatValue(value);
  return type.name === 'url' ? 'not a valid URL' : 'a text';
}
