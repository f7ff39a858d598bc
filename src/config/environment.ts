import { quoted } from '../options/format-value.js';
import { url } from '../options/network-types.js';
import type { OptionRow } from '../options/option.js';
import { at, isMap, setAt } from '../options/path.js';
import { readText } from '../options/reader.js';
import { nearest } from '../options/suggest.js';
import { checkVariables, optionRows } from '../options/table.js';
import { FILE_VARIABLE, TOKEN_VARIABLE } from '../options/variable-names.js';
import type { Env } from '../options/variables.js';

/** Flags by their long name: a text, several texts, or true for one that stands alone. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Puts what the environment says over `values`, and over that what the flags say. An empty variable says nothing. */
export function override(values: Record<string, unknown>, env: Env, flags: Flags, problems: string[]): void {
  const say = (where: string) => (description: string) => problems.push(`${where} ${description}`);
  for (const row of optionRows) {
    const variable = row.env === undefined ? undefined : env[row.env];
    const flag = row.flag === undefined ? undefined : flags[row.flag];
    if (variable) put(values, row.path, readText(row, variable, say(row.env as string)));
    if (flag === undefined) continue;
    put(values, row.path, readText(row, Array.isArray(flag) ? flag.join(',') : String(flag), say(`--${row.flag}`)));
  }
}

/** What a short form does not say stays: `PONGCHECK_HTTP=HOST:PORT` takes no TLS away. */
function put(values: Record<string, unknown>, path: string, value: unknown): void {
  const before = at(values, path);
  setAt(values, path, isMap(before) && isMap(value) ? { ...before, ...value } : value);
}

const urlRow: OptionRow = { path: 'url', type: url, description: 'What the check is of.' };

/** The tree of a file with the checks that MYSQL_URL, REDIS_URL and SERVICE_URL add, or whose URL they replace. */
export function addChecks(tree: unknown, env: Env, problems: string[]): unknown {
  if (!isMap(tree) || !(isMap(tree.checks) || tree.checks === undefined || tree.checks === null)) return tree;
  const checks = new Map<string, unknown>(Object.entries(tree.checks ?? {}));
  for (const { env: variable, name, kind } of checkVariables) {
    const text = env[variable];
    const known = checks.get(name) ?? {};
    if (!text || !isMap(known)) continue;
    const url = readText(urlRow, text, (description) => problems.push(`${variable} ${description}`));
    if ((known.kind ?? kind) !== kind) {
      problems.push(`${variable} is the URL of a check ${name} of kind ${kind}, but the file says another kind of it`);
    }
    // What a variable holds refers to no further ones.
    if (typeof url === 'string') checks.set(name, { kind, ...known, url: url.replaceAll('${', () => '$${') });
  }
  return { ...tree, checks: Object.fromEntries(checks) };
}

/** `NAME_SERVICE_HOST`, `NAME_PORT=tcp://...` and the like, which Kubernetes sets in every pod for a Service of that name. */
function isServiceLink(variable: string, value: string | undefined): boolean {
  return (
    /_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable) ||
    (variable.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value ?? ''))
  );
}

/**
 * What PONGCHECK_... would do nothing: a problem where a known name is nearly the same, else a warning, for it may be
 * somebody else's. `referred`: the variables that the file refers to.
 */
export function unknownVariables(
  env: Env,
  referred: ReadonlySet<string>,
): { readonly problems: string[]; readonly warnings: string[] } {
  const known = [FILE_VARIABLE, TOKEN_VARIABLE, ...optionRows.flatMap((row) => row.env ?? [])];
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const [variable, value] of Object.entries(env)) {
    if (!/^PONGCHECK_/i.test(variable) || known.includes(variable)) continue;
    if (referred.has(variable) || isServiceLink(variable, value)) continue;
    const unknown = `${quoted(variable)} in the environment is not known`;
    const meant = nearest(variable, known);
    if (meant !== undefined) {
      problems.push(`${unknown}; did you mean ${meant}?`);
      continue;
    }
    const path = optionWithoutVariable(variable);
    warnings.push(`${unknown}, and ignored; ${path ? `${path} can be set in the file only` : HELP}`);
  }
  return { problems, warnings };
}

const HELP = '`pongcheck check-config --help` lists the variables';

/** The option that a variable seems to be named after, and that has none. */
function optionWithoutVariable(variable: string): string | undefined {
  const name = variable
    .replace(/^PONGCHECK_/i, '')
    .replaceAll('_', '')
    .toLowerCase();
  return optionRows.find((row) => row.path.replaceAll('.', '').toLowerCase() === name)?.path;
}
