import { type CheckKind, checkKinds } from '../checks/catalog.js';
import { defineCheck, requirePeers } from '../checks/define.js';
import { identityOf } from '../checks/identity.js';
import { isSetting } from '../checks/parse-options.js';
import { waitingClock } from '../common/clock.js';
import { PongcheckError } from '../common/errors.js';
import { withTimeout } from '../common/with-timeout.js';
import type { CheckDefinition } from '../health/check.js';
import type { DefinedCheck } from '../health/defined-check.js';
import { formatType, formatValue, hideCredentials } from '../options/format-value.js';
import { configError, InvalidOption, type Path, type Report } from '../options/issue.js';
import type { OptionRow } from '../options/option.js';
import { isMap } from '../options/path.js';
import { readDefault } from '../options/reader.js';
import { type Shape, shapeOf } from '../options/shape.js';
import { didYouMean } from '../options/suggest.js';
import { checkSettingRows, kindRow, optionRows } from '../options/table.js';
import { NAME_FORMS, namePattern } from '../options/value-types.js';
import type { CheckOptions, Configuration } from './settings.js';

/** Timeout for closing checks, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000;

/** The options of a configuration file. */
export const rootShape: Shape = shapeOf(optionRows.filter(({ path }) => !path.startsWith('checks.')));
rootShape.keys.set('checks', { keys: new Map(), entry: entryShape });

/** The shape of one entry of `checks`, which depends on the kind of check. Reports an invalid name or kind. */
function entryShape(name: string, value: unknown, path: Path, report: Report): Shape | undefined {
  if (!namePattern.test(name)) report(path, `is not a valid name; allowed: ${NAME_FORMS}`);
  const kinds = checkKinds.map(({ kind }) => kind);
  const kindName = isMap(value) ? value.kind : undefined;
  const kind = checkKinds.find((row) => row.kind === kindName);
  if (!isMap(value)) report(path, `is ${formatType(value)}; allowed: a map with a kind, one of ${kinds.join(', ')}`);
  else if (kindName === undefined) report(path, `has no kind; allowed: one of ${kinds.join(', ')}`);
  else if (!kind) {
    const hint = didYouMean(String(kindName), kinds);
    report(
      [...path, 'kind'],
      `is ${formatValue(kindName)}; allowed: one of ${kinds.join(', ')}${hint ? ` (${hint})` : ''}`,
    );
  }
  return kind && shapeOfKind(kind);
}

/** Options of a check of this kind. */
export function shapeOfKind({ options, open = false }: CheckKind): Shape {
  return { ...shapeOf([kindRow, ...checkSettingRows, ...options]), open };
}

/** The catalog row of a kind that the reader has already validated. */
export function kindOf(name: string): CheckKind {
  return checkKinds.find(({ kind }) => kind === name) as CheckKind;
}

type Checks = Readonly<Record<string, DefinedCheck>>;

/**
 * The definition from which each check was created, without the common settings. A reload reuses it if it has not
 * changed.
 */
const bases = new WeakMap<DefinedCheck, CheckDefinition & { readonly identity: string }>();

/**
 * Creates the checks. This loads their kinds but runs nothing. Reuses checks in `running` whose options are equal.
 *
 * @throws PongcheckError (rejects) one `PONGCHECK_CONFIG` with the issues of all checks.
 */
export async function buildChecks(
  { settings, placeOf }: Configuration,
  running: Checks = {},
): Promise<Record<string, DefinedCheck>> {
  const built: [string, DefinedCheck][] = [];
  const problems: string[] = [];
  for (const [name, options] of Object.entries(settings.checks)) {
    try {
      const check = await build(name, options, Object.hasOwn(running, name) ? running[name] : undefined);
      built.push([name, check]);
      requirePeers(check, settings.peers !== undefined);
    } catch (error) {
      if (!(error instanceof PongcheckError)) throw error;
      problems.push(issueLine(error, ['checks', name], placeOf));
    }
  }
  const checks = Object.fromEntries(built);
  if (problems.length === 0) return checks;
  await closeOthers(checks, running);
  throw configError(problems);
}

/**
 * The value found may contain a credential. The allowed text is a constant and may describe a URL with a password, so
 * it is not redacted.
 */
export function issueLine(error: PongcheckError, section: Path, placeOf: Configuration['placeOf']): string {
  if (!(error instanceof InvalidOption)) return `${placeOf(section)}: ${hideCredentials(error.message)}`;
  const { path, found, allowed } = error;
  return `${placeOf([...section, ...path])} is ${hideCredentials(found)}; allowed: ${allowed}`;
}

/**
 * Closes the checks that do not share a definition with a `running` one. Resolves when they are closed, but no later
 * than after 1 s. Never rejects.
 */
export async function closeOthers(checks: Checks, running: Checks = {}): Promise<void> {
  const kept = new Set(Object.values(running).map((check) => bases.get(check)));
  const others = Object.values(checks).filter((check) => !kept.has(bases.get(check)));
  const closed = Promise.allSettled(others.map(async (check) => check.close?.()));
  await withTimeout(waitingClock, CLOSE_TIMEOUT_MS, closed);
}

async function build(name: string, { kind, ...rest }: CheckOptions, running?: DefinedCheck): Promise<DefinedCheck> {
  const entries = Object.entries(rest);
  const settings = Object.fromEntries(entries.filter(([key]) => isSetting(key)));
  const options = Object.fromEntries(entries.filter(([key]) => !isSetting(key)));
  const { options: rows, load } = kindOf(kind);
  const defaults = Object.fromEntries(rows.flatMap((row) => defaultOf(row)));
  const identity = identityOf(kind, rows, { ...defaults, ...options });
  const known = running && bases.get(running);
  const base = known?.identity === identity ? known : { ...(await (await load())(options)), identity };
  const check = defineCheck(name, { ...base, ...settings });
  bases.set(check, base);
  return check;
}

/** The default of an option as an entry. Empty for an option in a nested map. */
export function defaultOf(row: OptionRow): [path: string, value: unknown][] {
  if (row.default === undefined || row.path.includes('.')) return [];
  return [[row.path, readDefault(row, row.default)]];
}
