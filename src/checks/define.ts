import { PongcheckError } from '../common/errors.js';
import { SecretMask } from '../common/mask.js';
import { redactor } from '../common/redact.js';
import type { CheckDefinition, CheckFunction, CheckResult, CheckSettings } from '../health/check.js';
import type { DefinedCheck } from '../health/defined-check.js';
import { formatDuration } from '../options/duration.js';
import { formatType, formatValue, hideCredentials } from '../options/format-value.js';
import { configError, formatPath, InvalidOption, type Path } from '../options/issue.js';
import { OptionReader, readDefault } from '../options/reader.js';
import { shapeOf } from '../options/shape.js';
import { checkSettingRows } from '../options/table.js';
import { NAME_FORMS, namePattern } from '../options/value-types.js';

const shape = shapeOf(checkSettingRows);
type Defaults = Required<Omit<CheckSettings, 'maxAge'>>;
const defaults = Object.fromEntries(
  checkSettingRows.flatMap((row) => (row.default === undefined ? [] : [[row.path, readDefault(row, row.default)]])),
) as Defaults;
/** Default max age of a check without an interval, in milliseconds. */
const MAX_AGE_MS = 1000;
/** Maximum length of `kind` and of the component type, in characters. */
const MAX_NAME = 64;

/**
 * Validates a check and applies the defaults of its settings.
 *
 * @param definition a check definition or a function. A function passes if it returns nothing, true or a result with
 * status pass; it fails if it returns false or throws.
 * @throws PongcheckError `PONGCHECK_CONFIG` with the path `checks.NAME.KEY`, the value found and the allowed values.
 */
export function defineCheck(name: string, definition: CheckDefinition | CheckFunction): DefinedCheck {
  if (!namePattern.test(name)) {
    throw configError([`${formatPath(['checks', name])} is not a valid name; allowed: ${NAME_FORMS}`]);
  }
  try {
    return readDefinition(name, definition);
  } catch (error) {
    if (error instanceof PongcheckError) throw error;
    // Getters and Proxies may throw anything.
    throw configError([`${formatPath(['checks', name])} cannot be read (${redactor([])(error)})`]);
  }
}

function readDefinition(name: string, definition: CheckDefinition | CheckFunction): DefinedCheck {
  const given = typeof definition === 'function' ? fromFunction(definition) : definition;
  if (typeof given !== 'object' || given === null || typeof given.run !== 'function') {
    throw invalid(name, [], formatType(given), 'a function, or an object with a function `run`');
  }
  const settings = readSettings(name, given);
  const { timeout, interval } = { ...defaults, ...settings };
  // By default, results remain fresh until the next interval, so that no request waits for a run.
  const followsInterval = settings.interval !== undefined && interval > 0;
  const secrets = readSecrets(name, given.secrets);
  return {
    ...given,
    maxAge: followsInterval ? interval + timeout : MAX_AGE_MS,
    ...defaults,
    ...settings,
    name,
    kind: nameOf(name, 'kind', given.kind),
    ...(given.componentType !== undefined && { componentType: nameOf(name, 'componentType', given.componentType) }),
    ...(given.target !== undefined && { target: targetOf(name, given.target, secrets) }),
    run: (signal, deadline, hops, connected) => given.run(signal, deadline, hops, connected),
    ...(given.load && { load: () => given.load?.() }),
    ...(given.close && { close: () => given.close?.() }),
    secrets,
    // A check that is defined again keeps its original source.
    source: (given as Partial<DefinedCheck>).source ?? definition,
  };
}

function fromFunction(check: CheckFunction): CheckDefinition {
  // `ResultNormalizer` validates the returned value later.
  return { kind: 'function', run: async (signal) => (await check(signal)) as CheckResult };
}

function readSettings(name: string, given: CheckDefinition): CheckSettings {
  const issues: string[] = [];
  const report = (path: Path, description: string) => issues.push(`${formatPath(path)} ${description}`);
  // Includes former names, so that they are rejected. Other keys belong to the definition.
  const keys = checkSettingRows.flatMap(({ path, formerly = [] }) => [path, formerly].flat());
  const known = Object.fromEntries(keys.map((key) => [key, given[key as keyof CheckSettings]]));
  const settings = new OptionReader(report).read(shape, known, ['checks', name]) as CheckSettings;
  if (issues.length > 0) throw configError(issues);
  const issue = contradiction(settings);
  if (issue) throw invalid(name, ...issue);
  return settings;
}

/**
 * Returns the first value that contradicts the other settings, as path, value found and allowed values; undefined if
 * there is none.
 */
export function contradiction(settings: CheckSettings): [path: Path, found: string, allowed: string] | undefined {
  const { interval, minInterval, onShared, critical } = { ...defaults, ...settings };
  if (interval > 0 && interval < minInterval) {
    const allowed = `0 for on demand only, or at least minInterval, ${formatDuration(minInterval)}`;
    return [['interval'], formatDuration(interval), allowed];
  }
  if (onShared === 'warn' && interval === 0) return [['onShared'], '"warn"', 'fail, or warn with an interval above 0'];
  if (onShared === 'warn' && !critical) return [['onShared'], '"warn"', 'fail, or warn with critical: true'];
  if (!settings.groups?.includes('liveness')) return undefined;
  return [['groups'], '"liveness"', 'any other name: liveness runs no check'];
}

/** @throws InvalidOption if the check requires peers and the service has none. */
export function requirePeers({ name, onShared }: DefinedCheck, hasPeers: boolean): void {
  if (onShared === 'warn' && !hasPeers) throw invalid(name, ['onShared'], '"warn"', 'fail, or warn with peers.from');
}

function nameOf(name: string, key: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_NAME) return value;
  throw invalid(name, [key], formatValue(value), `a name of 1 to ${MAX_NAME} characters`);
}

function targetOf(name: string, target: unknown, secrets: readonly string[]): string {
  if (typeof target !== 'string') throw invalid(name, ['target'], formatValue(target), 'a string');
  // Does not mask the scheme and host. A mask there would reveal that the password of redis://redis is redis.
  const [server = ''] = /^[a-z][a-z0-9+.-]*:\/\/(?:[^]*@)?[^/?#\s]*/i.exec(target) ?? [];
  return hideCredentials(server + new SecretMask(secrets).apply(target.slice(server.length), target.length));
}

function readSecrets(name: string, secrets: unknown = []): readonly string[] {
  if (Array.isArray(secrets) && secrets.every((secret) => typeof secret === 'string')) return secrets;
  throw invalid(
    name,
    ['secrets'],
    Array.isArray(secrets) ? 'a list with other values' : typeof secrets,
    'a list of strings',
  );
}

function invalid(name: string, path: Path, found: string, allowed: string): InvalidOption {
  return new InvalidOption(formatPath(['checks', name]) + (path.length > 0 ? '.' : ''), path, found, allowed);
}
