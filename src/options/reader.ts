import { resolve } from 'node:path';
import { formatType, formatValue } from './format-value.js';
import type { Path, Report } from './issue.js';
import { InvalidValue, type Mode, type OptionRow } from './option.js';
import { isMap } from './path.js';
import type { Shape } from './shape.js';
import { didYouMean } from './suggest.js';
import { NAME_FORMS, namePattern } from './value-types.js';
import { type Env, expandVariables } from './variables.js';

/** Context of a file. Relative paths are resolved against `folder`, and `${VAR}` is replaced with values from `env`. */
export interface FileContext {
  readonly folder: string;
  readonly env: Env;
}

/** Reads values against a shape, and reports every issue. */
export class OptionReader {
  readonly #report: Report;
  readonly #file: FileContext | undefined;

  /** @param file context of the file; undefined if the values come from code. */
  constructor(report: Report, file?: FileContext) {
    this.#report = report;
    this.#file = file;
  }

  get #mode(): Mode {
    return this.#file ? 'file' : 'code';
  }

  /** Returns the value with each option in its internal form. Invalid values are reported and omitted. */
  read(shape: Shape, given: unknown, path: Path): unknown {
    // The holes of a sparse list become undefined, which no list allows.
    const value = Array.isArray(given) ? Array.from(given) : given;
    // An empty section in a file is null.
    const map = value === null && this.#file ? {} : value;
    if (shape.keys.size > 0 && isMap(map)) return this.#readMap(shape, map, path);
    if ((shape.entry || shape.any) && isMap(map)) return this.#readEntries(shape, map, path);
    if (shape.item && Array.isArray(value)) return this.#readList(shape.item, value, path);
    if (shape.row) return this.#readOption(shape.row, value, path);
    return this.#report(
      path,
      `is ${hasSecret(shape) ? formatType(value) : formatValue(value)}; allowed: ${formOf(shape)}`,
    );
  }

  #readMap({ keys, open }: Shape, map: Readonly<Record<string, unknown>>, path: Path): Record<string, unknown> {
    const values: [string, unknown][] = [];
    for (const [key, value] of definedEntries(map)) {
      const keyPath = [...path, key];
      const shape = keys.get(key);
      if (shape) values.push([key, this.read(shape, value, keyPath)]);
      else if (open) values.push([key, this.#expandAll(value, keyPath)]);
      else this.#report(keyPath, unknownOption(key, keys));
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
    for (const [name, value] of definedEntries(map)) {
      const namePath = [...path, name];
      if (shape.any && !namePattern.test(name)) this.#report(namePath, `is not a valid name; allowed: ${NAME_FORMS}`);
      const entry = shape.any ?? shape.entry?.(name, value, namePath, this.#report);
      if (entry) values.push([name, this.read(entry, value, namePath)]);
    }
    return Object.fromEntries(values);
  }

  #readList(item: Shape, list: readonly unknown[], path: Path): unknown[] {
    return list.map((value, index) => this.read(item, value, [...path, index]));
  }

  #readOption(row: OptionRow, value: unknown, path: Path): unknown {
    const report = (description: string) => this.#report(path, description);
    if (!this.#file) return readValue(row, value, 'code', report);
    const expanded = this.#expandAll(value, path);
    if (expanded === undefined) return undefined;
    const read =
      typeof value === 'string' && expanded !== value
        ? readText(row, expanded as string, report, value)
        : readValue(row, expanded, 'file', report);
    return row.type.name === 'path' && typeof read === 'string' ? resolve(this.#file.folder, read) : read;
  }

  /** Expands the references in a value of a file. Returns undefined if one of them is invalid, which is reported. */
  #expandAll(value: unknown, path: Path): unknown {
    if (!this.#file) return value;
    if (typeof value === 'string') return expandVariables(value, this.#file.env, path, this.#report);
    if (Array.isArray(value)) {
      const elements = value.map((element, index) => this.#expandAll(element, [...path, index]));
      return elements.includes(undefined) ? undefined : elements;
    }
    if (!isMap(value)) return value;
    const entries = Object.entries(value).map(([key, entry]) => [key, this.#expandAll(entry, [...path, key])] as const);
    return entries.some(([, entry]) => entry === undefined) ? undefined : Object.fromEntries(entries);
  }
}

function formOf({ keys, item }: Shape): string {
  if (keys.size > 0) return `a map with ${[...keys.keys()].join(', ')}`;
  return item ? 'a list' : 'a map';
}

/** The entries of a map. An option whose value is undefined counts as not set. */
function definedEntries(map: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(map).filter(([, value]) => value !== undefined);
}

function unknownOption(key: string, keys: Shape['keys']): string {
  const renamed = [...keys].find(([, { row }]) => row?.formerly === key);
  if (renamed) return `was renamed to ${renamed[0]}`;
  return `is not a known option; ${didYouMean(key, keys.keys()) ?? `allowed: ${[...keys.keys()].join(', ')}`}`;
}

/** Reads a value. If it is invalid, reports it with the allowed values. */
export function readValue(row: OptionRow, value: unknown, mode: Mode, report: (description: string) => void): unknown {
  return attempt(row, value, mode, report, () => row.type.read(value, row, mode));
}

/** Reads text from the environment, a flag or a variable. `written` is the text to show in a report. */
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
  found: unknown,
  mode: Mode,
  report: (description: string) => void,
  read: () => unknown,
): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    report(`is ${formatFound(row, found)}; allowed: ${row.type.allowed(row, mode)}${hint}`);
    return undefined;
  }
}

/**
 * Formats the value for a report. Text that was given instead of a URL or a check is not shown, because all of it may
 * be a password.
 */
function formatFound({ type, secret }: OptionRow, value: unknown): string {
  if (secret || type.name === 'check') return formatType(value);
  return type.name === 'url' && typeof value === 'string' ? 'not a valid URL' : formatValue(value);
}

function hasSecret({ row, keys, item, any }: Shape): boolean {
  return row?.secret || [...keys.values(), item, any].some((shape) => shape && hasSecret(shape));
}
