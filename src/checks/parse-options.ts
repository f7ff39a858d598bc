import type { CheckSettings } from '../health/check.js';
import { formatPath, InvalidOption, type Path } from '../options/issue.js';
import type { OptionRow } from '../options/option.js';
import { readInCode } from '../options/reader.js';
import { secretsOf } from '../options/secrets.js';
import { shapeOf } from '../options/shape.js';
import { checkSettingRows } from '../options/table.js';
import { contradiction } from './define.js';
import { identityOf } from './identity.js';

const settingKeys: readonly string[] = checkSettingRows.map(({ path }) => path);

/** Error for an option that only its check kind can validate. `found` must not contain a secret. */
export function invalidOption(kind: string, path: Path, found: string, allowed: string): InvalidOption {
  return new InvalidOption(`${kind} check${path.length > 0 ? ': ' : ''}`, path, found, allowed);
}

/**
 * Validates the options passed to the factory of a kind. Separates the settings common to all checks from the options
 * of the kind. The settings include the secrets in these options.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG`, one line per issue: path, value found and allowed values.
 */
export function parseCheckOptions<Options extends object>(
  kind: string,
  rows: readonly OptionRow[],
  given: Options & CheckSettings,
  { open = false } = {},
): {
  settings: CheckSettings & { identity: string; secrets: readonly string[] };
  options: Omit<Options, keyof CheckSettings>;
} {
  const shape = { ...shapeOf([...checkSettingRows, ...rows]), open };
  const where = (path: Path) => `${kind} check: ${formatPath(path) || 'its argument'}`;
  const entries = Object.entries(readInCode(shape, given, where));
  const settings: CheckSettings = Object.fromEntries(entries.filter(([key]) => isSetting(key)));
  const issue = contradiction(settings);
  if (issue) throw invalidOption(kind, ...issue);
  const options = Object.fromEntries(entries.filter(([key]) => !isSetting(key)));
  return {
    settings: {
      ...settings,
      identity: identityOf(kind, rows, options),
      secrets: secretsOf({ ...shapeOf(rows), open }, options),
    },
    options: options as unknown as Omit<Options, keyof CheckSettings>,
  };
}

/** Whether an option is a setting common to all checks. */
export function isSetting(key: string): boolean {
  return settingKeys.includes(key);
}
