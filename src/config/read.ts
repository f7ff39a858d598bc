import { dirname } from 'node:path';
import { noTokens, wrongTls } from '../server/settings.js';
import { entryShape } from './checks.js';
import { formatDuration } from './duration.js';
import { addChecks, type Flags, override, unknownVariables } from './environment.js';
import { type ConfigFile, readConfigFile } from './file.js';
import { optionRows } from './options.js';
import { at, isMap, setAt } from './path.js';
import { type Complain, configError, formatPath, type Path } from './problems.js';
import type { Configuration, Settings } from './settings.js';
import { type Env, readDefault, type Shape, ShapeReader, shapeOf } from './shape.js';
import { FILE_VARIABLE } from './variable-names.js';

export interface Sources {
  /** The file; default: what PONGCHECK_CONFIG names; neither: none. */
  file?: string | undefined;
  env: Env;
  flags?: Flags;
}

/**
 * Reads what holds: the file, over it the environment, over that the flags, and
 * the defaults for the rest. Throws one PONGCHECK_CONFIG that lists every
 * problem, a line each, with its place, what was found and what is allowed.
 */
export async function readConfiguration({ file, env, flags = {} }: Sources): Promise<Configuration> {
  const name = file ?? (env[FILE_VARIABLE] || undefined);
  const read = name === undefined ? undefined : await readConfigFile(name, name);
  const placeOf = (path: Path) => place(path, name, read);
  const problems: string[] = [];

  const referred = new Set<string>();
  const tree = addChecks(read?.tree ?? {}, env, problems);
  const complain: Complain = (path, sentence) => problems.push(`${placeOf(path)} ${sentence}`);
  const values = new ShapeReader(recording(env, referred), dirname(name ?? '.'), complain).read(rootShape, tree, []);
  if (isMap(values)) {
    override(values, env, flags, problems);
    fillDefaults(values);
  }
  const unknown = unknownVariables(env, referred);
  problems.push(...unknown.problems);
  if (problems.length > 0) throw configError(problems);

  const settings = values as unknown as Settings;
  problems.push(...contradictions(settings));
  if (problems.length > 0) throw configError(problems);
  return { settings, warnings: unknown.warnings, placeOf };
}

const rootShape: Shape = shapeOf(optionRows.filter(({ path }) => !path.startsWith('checks.')));
rootShape.keys.set('checks', { keys: new Map(), entry: entryShape });

/** The same environment, with the name of each variable that is read from it added to `names`. */
function recording(env: Env, names: Set<string>): Env {
  return new Proxy(env, {
    get(target, name) {
      names.add(String(name));
      return target[name as string];
    },
  });
}

/** `pongcheck.yml:12: checks.db`, or less where less is known. */
function place(path: Path, name: string | undefined, file: ConfigFile | undefined): string {
  const line = file?.lineOf(path);
  const where = line === undefined ? name : `${name}:${line}`;
  return [where && `${where}:`, formatPath(path)].filter(Boolean).join(' ') || 'the configuration';
}

function fillDefaults(values: Record<string, unknown>): void {
  const delay = at(values, 'drain.delay');
  for (const row of optionRows) {
    if (row.default === undefined || /[*[]/.test(row.path) || at(values, row.path) !== undefined) continue;
    setAt(values, row.path, readDefault(row, row.default));
  }
  values.checks ??= {};
  // Who shortens the grace alone shortens the delay with it.
  const { drain } = values as unknown as Settings;
  if (delay === undefined) setAt(values, 'drain.delay', Math.min(drain.delay, drain.grace));
}

/** What options allow by themselves but not together. */
function contradictions({ ping, drain, listen, http, detail, tokens, probe }: Settings): string[] {
  const problems: string[] = [];
  const atMost = (path: string, value: number, limitPath: string, limit: number) => {
    if (value <= limit) return;
    problems.push(`${path} is ${formatDuration(value)}, allowed is at most ${limitPath}, ${formatDuration(limit)}`);
  };
  atMost('ping.timeout', ping.timeout, 'ping.maxTimeout', ping.maxTimeout);
  atMost('drain.delay', drain.delay, 'drain.grace', drain.grace);
  const wanting = [
    ...(detail === 'token' ? ['detail is token'] : []),
    ...listen.flatMap(({ requireToken }, index) => (requireToken ? `listen[${index}].requireToken is true` : [])),
  ];
  if (!tokens) problems.push(...wanting.map((what) => noTokens(what).message));
  for (const [index, { url, tls }] of listen.entries()) {
    const complete = tls?.cert !== undefined && tls.key !== undefined;
    if (url.startsWith('pongs:') ? !complete : tls) problems.push(`listen[${index}].url ${wrongTls(url).message}`);
  }
  for (const [index, { url, proxyProtocol }] of listen.entries()) {
    if (proxyProtocol && url.startsWith('pong+unix:'))
      problems.push(`listen[${index}].proxyProtocol is for TCP: ${url} has no addresses`);
  }
  const https = http ? http.tls : undefined;
  if (https && !(https.cert && https.key)) problems.push('http.tls has to have both cert and key');
  if (probe && !probe.targets) problems.push('probe has no targets; allowed is a list of what may be probed');
  for (const [name, { group, checks }] of Object.entries(probe?.modules ?? {})) {
    if (group !== undefined && checks)
      problems.push(`probe.modules.${name} has a group and checks; allowed is one of both`);
  }
  if (listen.length === 0 && http === false) problems.push('listen is empty and http is false, so nobody could ask');
  return problems;
}
