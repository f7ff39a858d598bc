import { quoted } from '../options/format-value.js';
import { url } from '../options/network-types.js';
import type { OptionRow } from '../options/option.js';
import { at, isMap, setAt } from '../options/path.js';
import { readText } from '../options/reader.js';
import { nearest } from '../options/suggest.js';
import { checkVariables, optionRows } from '../options/table.js';
import { FILE_VARIABLE, TOKEN_VARIABLE } from '../options/variable-names.js';
import type { Env } from '../options/variables.js';

/** Flags by long name: a text, several texts, or true for a flag without a value. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Overrides `values` first with the environment, then with the flags. Empty variables are ignored. */
export function override(values: Record<string, unknown>, env: Env, flags: Flags, problems: string[]): void {
  const reportAt = (where: string) => (description: string) => problems.push(`${where} ${description}`);
  for (const row of optionRows) {
    const variable = row.env === undefined ? undefined : env[row.env];
    const flag = row.flag === undefined ? undefined : flags[row.flag];
    if (variable) put(values, row.path, readText(row, variable, reportAt(row.env as string)));
    if (flag === undefined) continue;
    put(
      values,
      row.path,
      readText(row, Array.isArray(flag) ? flag.join(',') : String(flag), reportAt(`--${row.flag}`)),
    );
  }
}

/** A short form changes only the keys that it contains: `PONGCHECK_HTTP=HOST:PORT` keeps TLS. */
function put(values: Record<string, unknown>, path: string, value: unknown): void {
  const before = at(values, path);
  setAt(values, path, isMap(before) && isMap(value) ? { ...before, ...value } : value);
}

const urlRow: OptionRow = { path: 'url', type: url, description: 'URL of the dependency.' };

/**
 * Adds checks for MYSQL_URL, REDIS_URL and SERVICE_URL to the tree of a file, or replaces the URLs of existing ones.
 */
export function addChecks(tree: unknown, env: Env, problems: string[]): unknown {
  if (!isMap(tree) || !(isMap(tree.checks) || tree.checks === undefined || tree.checks === null)) return tree;
  const checks = new Map<string, unknown>(Object.entries(tree.checks ?? {}));
  for (const { env: variable, name, kind } of checkVariables) {
    const text = env[variable];
    const known = checks.get(name) ?? {};
    if (!text || !isMap(known)) continue;
    const url = readText(urlRow, text, (description) => problems.push(`${variable} ${description}`));
    if ((known.kind ?? kind) !== kind) {
      problems.push(`${variable} requires the check ${name} to be of kind ${kind}, but the file sets another kind`);
    }
    // References in the value of a variable must not be expanded.
    if (typeof url === 'string') checks.set(name, { kind, ...known, url: url.replaceAll('${', () => '$${') });
  }
  return { ...tree, checks: Object.fromEntries(checks) };
}

/** Variables such as `NAME_SERVICE_HOST` and `NAME_PORT=tcp://...`, which Kubernetes injects into every pod for each Service. */
function isServiceLink(variable: string, value: string | undefined): boolean {
  return (
    /_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable) ||
    (variable.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value ?? ''))
  );
}

/**
 * Finds unknown `PONGCHECK_*` variables. A variable whose name is similar to a known one is a problem. Others are
 * warnings, because they may belong to other software. `referenced` contains the variables to which the file refers.
 */
export function unknownVariables(
  env: Env,
  referenced: ReadonlySet<string>,
): { readonly problems: string[]; readonly warnings: string[] } {
  const known = [FILE_VARIABLE, TOKEN_VARIABLE, ...optionRows.flatMap((row) => row.env ?? [])];
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const [variable, value] of Object.entries(env)) {
    if (!/^PONGCHECK_/i.test(variable) || known.includes(variable)) continue;
    if (referenced.has(variable) || isServiceLink(variable, value)) continue;
    const unknown = `${quoted(variable)} in the environment is unknown`;
    const meant = nearest(variable, known);
    if (meant !== undefined) {
      problems.push(`${unknown}; did you mean ${meant}?`);
      continue;
    }
    const path = optionWithoutVariable(variable);
    warnings.push(`${unknown} and ignored; ${path ? `set ${path} in the file` : HELP}`);
  }
  return { problems, warnings };
}

const HELP = '`pongcheck check-config --help` lists the variables';

/** The option that corresponds to this variable but can be set only in the file. */
function optionWithoutVariable(variable: string): string | undefined {
  const name = variable
    .replace(/^PONGCHECK_/i, '')
    .replaceAll('_', '')
    .toLowerCase();
  return optionRows.find((row) => row.path.replaceAll('.', '').toLowerCase() === name)?.path;
}
