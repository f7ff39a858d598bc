import { dirname } from 'node:path';
import { configError, formatPath, type Path, type Report } from '../options/issue.js';
import { isMap } from '../options/path.js';
import { OptionReader } from '../options/reader.js';
import { reportContradictions, withDefaults } from '../options/settings.js';
import { FILE_VARIABLE } from '../options/variable-names.js';
import type { Env } from '../options/variables.js';
import { rootShape } from './checks.js';
import { addChecks, type Flags, override, unknownVariables } from './environment.js';
import { type ConfigFile, readConfigFile } from './file.js';
import type { Configuration, FileSettings } from './settings.js';

export interface Sources {
  /** Path of the file. Default: the value of PONGCHECK_CONFIG, or no file. */
  file?: string | undefined;
  env: Env;
  flags?: Flags;
  /**
   * Rejects a file without options, because a file is empty while another program is rewriting it.
   * @default false
   */
  refuseEmptyFile?: boolean;
}

/**
 * Reads the configuration. Flags override the environment, the environment overrides the file, and other options have
 * their defaults.
 *
 * @throws PongcheckError (rejects) one `PONGCHECK_CONFIG` with one line per issue: file and line, value found, allowed
 * values.
 */
export async function readConfiguration({
  file,
  env,
  flags = {},
  refuseEmptyFile = false,
}: Sources): Promise<Configuration> {
  const name = file ?? (env[FILE_VARIABLE] || undefined);
  const read = name === undefined ? undefined : await readConfigFile(name, name);
  if (refuseEmptyFile && read?.tree === null) {
    throw configError([`${name}: is empty; to reload without options, write {} to it`]);
  }
  const placeOf = (path: Path) => place(path, name, read);
  const problems: string[] = [];

  const referenced = new Set<string>();
  const tree = addChecks(read?.tree ?? {}, env, problems);
  const report: Report = (path, description) => problems.push(`${placeOf(path)} ${description}`);
  const context = { folder: dirname(name ?? '.'), env: recording(env, referenced) };
  const values = new OptionReader(report, context).read(rootShape, tree, []);
  if (isMap(values)) {
    override(values, env, flags, problems);
    withDefaults(values, 'file');
    values.checks ??= {};
  }
  const unknown = unknownVariables(env, referenced);
  problems.push(...unknown.problems);
  if (problems.length > 0) throw configError(problems);

  const settings = values as unknown as FileSettings;
  reportContradictions(settings, report);
  if (settings.listen.length === 0 && settings.http === false && settings.grpc === false) {
    report(['listen'], 'is empty, and http and grpc are false; enable at least one of them');
  }
  if (problems.length > 0) throw configError(problems);
  return { settings, warnings: unknown.warnings, placeOf };
}

/** Wraps an environment so that the name of each variable that is read is added to `names`. */
function recording(env: Env, names: Set<string>): Env {
  return new Proxy(env, {
    get(target, name) {
      names.add(String(name));
      return target[name as string];
    },
  });
}

/** For example `pongcheck.yml:12: checks.db`. The file is omitted if it contains nothing of the path. */
function place(path: Path, name: string | undefined, file: ConfigFile | undefined): string {
  const line = file?.lineOf(path);
  if (line !== undefined) return `${name}:${line}: ${formatPath(path)}`;
  return formatPath(path) || (name === undefined ? 'the configuration' : `${name}:`);
}
