import { type CheckKind, type CheckOption, checkKinds } from '../checks/catalog.js';
import { identityOf } from '../checks/identity.js';
import { isSetting } from '../checks/options.js';
import { PongcheckError } from '../errors.js';
import type { CheckDefinition } from '../health/check.js';
import { type DefinedCheck, defineCheck } from '../health/define.js';
import { found, hideCredentials } from './found.js';
import type { OptionRow } from './option.js';
import { optionRows } from './options.js';
import { isMap } from './path.js';
import { type Complain, configError, type Path } from './problems.js';
import type { CheckOptions, Configuration } from './settings.js';
import { readDefault, type Shape, shapeOf } from './shape.js';
import { didYouMean, NAME_FORMS, namePattern } from './values.js';

const PREFIX = 'checks.*.';
/** How long checks may take to let go. */
const CLOSE_LIMIT_MS = 1000;
const commonRows = optionRows.filter(({ path }) => path.startsWith(PREFIX));

/** The shape of one entry of `checks`, which depends on its kind; complains of a name or a kind that is none. */
export function entryShape(name: string, value: unknown, path: Path, complain: Complain): Shape | undefined {
  if (!namePattern.test(name)) complain(path, `is no name of a check, allowed are ${NAME_FORMS}`);
  const kinds = checkKinds.map(({ kind }) => kind);
  const said = isMap(value) ? value.kind : undefined;
  const kind = checkKinds.find((row) => row.kind === said);
  if (!isMap(value)) complain(path, `is ${found(value)}, allowed is a map with a kind: one of ${kinds.join(', ')}`);
  else if (said === undefined) complain(path, `has no kind, allowed is one of ${kinds.join(', ')}`);
  else if (!kind) {
    const hint = didYouMean(String(said), kinds);
    complain([...path, 'kind'], `is ${found(said)}, allowed is one of ${kinds.join(', ')}${hint ? ` (${hint})` : ''}`);
  }
  return kind && shapeOfKind(kind);
}

/** What may be said of a check of this kind. */
export function shapeOfKind({ options, open = false }: CheckKind): Shape {
  const own = options.map(({ name, ...row }): OptionRow => ({ ...row, path: `${PREFIX}${name}` }));
  return { ...shapeOf([...commonRows, ...own], PREFIX), open };
}

/** The row of the catalogue; the reader lets no other kind through. */
export function kindOf(name: string): CheckKind {
  return checkKinds.find(({ kind }) => kind === name) as CheckKind;
}

type Checks = Readonly<Record<string, DefinedCheck>>;

/** What a check was made of, without the settings that every check has: as long as that stays, it is not made again. */
const bases = new WeakMap<DefinedCheck, CheckDefinition & { readonly identity: string }>();

/**
 * Makes the checks, which loads their kinds and runs nothing. Of `running` those are taken that would be made of the
 * same. Throws one PONGCHECK_CONFIG that lists what every one of them refuses.
 */
export async function buildChecks(
  { settings, placeOf }: Configuration,
  running: Checks = {},
): Promise<Record<string, DefinedCheck>> {
  const built: [string, DefinedCheck][] = [];
  const problems: string[] = [];
  for (const [name, options] of Object.entries(settings.checks)) {
    try {
      built.push([name, await build(name, options, Object.hasOwn(running, name) ? running[name] : undefined)]);
    } catch (error) {
      if (!(error instanceof PongcheckError)) throw error;
      const [found, allowed] = halves(error.message.replace(/^check (?:"[^"]*"|of kind \S+): /, ''));
      problems.push(`${placeOf(['checks', name])}: ${hideCredentials(found)}${allowed}`);
    }
  }
  const checks = Object.fromEntries(built);
  if (problems.length === 0) return checks;
  await closeOthers(checks, running);
  throw configError(problems);
}

/** What was found, and what is allowed, which is ours and may show how a URL with a password looks. */
function halves(sentence: string): [string, string] {
  const at = sentence.lastIndexOf('; allowed: ');
  return at < 0 ? [sentence, ''] : [sentence.slice(0, at), sentence.slice(at)];
}

/**
 * Lets go of what checks hold that are not wanted, and leaves alone what `running` ones are made of; settles when they
 * have, or after a second. Never rejects.
 */
export async function closeOthers(checks: Checks, running: Checks = {}): Promise<void> {
  const kept = new Set(Object.values(running).map((check) => bases.get(check)));
  const others = Object.values(checks).filter((check) => !kept.has(bases.get(check)));
  const closed = Promise.allSettled(others.map(async (check) => check.close?.()));
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_LIMIT_MS);
  });
  await Promise.race([closed, limit]);
  clearTimeout(timer);
}

async function build(name: string, { kind, ...given }: CheckOptions, running?: DefinedCheck): Promise<DefinedCheck> {
  const entries = Object.entries(given);
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

/** The default of an option that does not stand in a map of its own, as an entry. */
export function defaultOf({ name, ...row }: CheckOption): [name: string, value: unknown][] {
  if (row.default === undefined || name.includes('.')) return [];
  return [[name, readDefault({ ...row, path: name }, row.default)]];
}
