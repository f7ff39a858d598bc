import { quoted } from './found.js';
import { nearest } from './nearest.js';
import type { OptionRow } from './option.js';
import { checkVariables, optionRows } from './options.js';
import { at, isMap, setAt } from './path.js';
import { type Env, readText } from './shape.js';
import { FILE_VARIABLE, TOKEN_VARIABLE } from './variable-names.js';

/** Flags by their long name: a text, several texts, or true for one that stands alone. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Puts what the environment says over `values`, and over that what the flags say. An empty variable says nothing. */
export function override(values: Record<string, unknown>, env: Env, flags: Flags, problems: string[]): void {
  const say = (where: string) => (sentence: string) => problems.push(`${where} ${sentence}`);
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

const urlRow: OptionRow = { path: 'url', type: 'url', sentence: 'What the check is of.' };

/** The tree of a file with the checks that MYSQL_URL, REDIS_URL and SERVICE_URL add, or whose URL they replace. */
export function addChecks(tree: unknown, env: Env, problems: string[]): unknown {
  if (!isMap(tree) || !(isMap(tree.checks) || tree.checks === undefined || tree.checks === null)) return tree;
  const checks = new Map<string, unknown>(Object.entries(tree.checks ?? {}));
  for (const { env: variable, name, kind } of checkVariables) {
    const text = env[variable];
    const known = checks.get(name) ?? {};
    if (!text || !isMap(known)) continue;
    const url = readText(urlRow, text, (sentence) => problems.push(`${variable} ${sentence}`));
    if ((known.kind ?? kind) !== kind) {
      problems.push(`${variable} is the URL of a check ${name} of kind ${kind}, but the file says another kind of it`);
    }
    // What a variable holds refers to no further ones.
    if (typeof url === 'string') checks.set(name, { kind, ...known, url: url.replaceAll('${', () => '$${') });
  }
  return { ...tree, checks: Object.fromEntries(checks) };
}

/** A slip in PONGCHECK_... would go unseen; what Kubernetes sets for a service (PONGCHECK_PORT and its like) is no slip. */
export function misspeltVariables(env: Env): string[] {
  const known = [FILE_VARIABLE, TOKEN_VARIABLE, ...optionRows.flatMap((row) => row.env ?? [])];
  const problems: string[] = [];
  for (const variable of Object.keys(env)) {
    if (!/^PONGCHECK_/i.test(variable) || known.includes(variable) || /_(?:HOST|PORT)(?:_|$)/.test(variable)) continue;
    const meant = nearest(variable, known);
    if (meant !== undefined)
      problems.push(`${quoted(variable)} in the environment is not known; did you mean ${meant}?`);
  }
  return problems;
}
