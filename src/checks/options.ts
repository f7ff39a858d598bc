import { PongcheckError } from '../errors.js';
import type { CheckSettings } from '../health/check.js';
import { redactor } from '../health/redact.js';
import { type CheckKind, type CheckOption, checkKinds } from './catalog.js';
import { identityOf } from './identity.js';

const MAX_SHOWN = 60;
const redact = redactor([]);

/** Keys of every check; `defineCheck` judges their values. */
const settingKeys: readonly (keyof CheckSettings)[] = [
  'timeout',
  'maxAge',
  'interval',
  'floor',
  'rise',
  'fall',
  'critical',
  'groups',
];

/** What is wrong with an option, as an error to throw. `found` must hold no secret. */
export function refusal(kind: string, key: string, found: string, allowed: string): PongcheckError {
  return new PongcheckError('PONGCHECK_CHECK', `check of kind ${kind}: ${key} is ${found}; allowed: ${allowed}`);
}

/**
 * Parts what was said of a check into the settings of every check and the
 * options of its kind.
 *
 * @param own a key that code may give in place of `url` and `tls`: what the
 *   application has itself, whose value the kind judges.
 * @throws PongcheckError `PONGCHECK_CHECK` for a key that the catalogue does
 *   not know, a value of a wrong type, and an option that is missing.
 */
export function partOptions<Options extends object>(
  kind: string,
  given: Options & CheckSettings,
  own?: string,
): { settings: CheckSettings & { identity: string }; options: Omit<Options, keyof CheckSettings> } {
  if (!isMap(given)) throw refusal(kind, 'its options', describe(given), 'an object');
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  const settings = Object.fromEntries(entries.filter(([key]) => isSetting(key)));
  const options: Record<string, unknown> = Object.fromEntries(entries.filter(([key]) => !isSetting(key)));
  const { options: rows, open = false } = checkKinds.find((row) => row.kind === kind) as CheckKind;
  if (own !== undefined && Object.hasOwn(options, own)) judgeWithOwn(kind, rows, options, own);
  else judge(kind, rows, open, options);
  return {
    settings: { ...settings, identity: identityOf(kind, rows, options, own) },
    options: options as unknown as Omit<Options, keyof CheckSettings>,
  };
}

/** Whether an option is one of every check, and not of its kind. */
export function isSetting(key: string): key is keyof CheckSettings {
  return settingKeys.includes(key as keyof CheckSettings);
}

function judgeWithOwn(
  kind: string,
  rows: readonly CheckOption[],
  { ...options }: Record<string, unknown>,
  own: string,
) {
  for (const key of ['url', 'tls']) {
    if (Object.hasOwn(options, key)) throw refusal(kind, key, `given beside ${own}`, `one of ${key} and ${own}`);
  }
  delete options[own];
  judge(
    kind,
    rows.filter(({ required }) => !required),
    false,
    options,
  );
}

function judge(kind: string, rows: readonly CheckOption[], open: boolean, options: object, at = ''): void {
  for (const [key, value] of Object.entries(options)) {
    const row = rows.find(({ name }) => name === key);
    const inner = rows.filter(({ name }) => name.startsWith(`${key}.`));
    if (row) {
      judgeValue(kind, row, at + key, value);
    } else if (inner.length > 0) {
      if (!isMap(value)) throw refusal(kind, at + key, describe(value), 'an object');
      const cut = inner.map((option) => ({ ...option, name: option.name.slice(key.length + 1) }));
      judge(kind, cut, false, value, `${at}${key}.`);
    } else if (!open) {
      const known = new Set(rows.map(({ name }) => at + name.replace(/\..*/, '')));
      throw refusal(kind, at + key.slice(0, MAX_SHOWN), 'not known', [...known, ...(at ? [] : settingKeys)].join(', '));
    }
  }
  for (const row of rows)
    if (row.required && !Object.hasOwn(options, row.name)) judgeValue(kind, row, at + row.name, undefined);
}

interface Form {
  readonly allowed: string;
  fits(value: unknown, row: CheckOption): boolean;
}

const isRegExp = (value: unknown) => value instanceof RegExp;
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const forms: Readonly<Record<CheckOption['type'], Form>> = {
  url: { allowed: 'a URL, SCHEME://[USER:PASSWORD@]HOST[:PORT][/PATH]', fits: isText },
  address: { allowed: 'pong://HOST:PORT', fits: isText },
  path: { allowed: 'the path of a file', fits: isText },
  string: { allowed: 'a text', fits: (value, { pattern }) => isText(value) || (pattern === true && isRegExp(value)) },
  texts: {
    allowed: 'an object of texts',
    fits: (value, row) => isMap(value) && Object.values(value).every((text) => forms.string.fits(text, row)),
  },
  names: { allowed: 'an array of names', fits: (value) => Array.isArray(value) && value.every(isText) },
  enum: { allowed: 'one of the words', fits: (value, { values = [] }) => values.includes(value as string) },
  boolean: { allowed: 'true or false', fits: (value) => typeof value === 'boolean' },
  integer: { allowed: 'a whole number', fits: within },
  octets: { allowed: 'a whole number of octets', fits: within },
  duration: { allowed: 'a whole number of milliseconds', fits: within },
};

function within(value: unknown, { min = 0, max = Number.MAX_SAFE_INTEGER }: CheckOption): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

function judgeValue(kind: string, row: CheckOption, key: string, value: unknown): void {
  const { allowed, fits } = forms[row.type];
  if (fits(value, row)) return;
  const range = row.max === undefined ? '' : ` from ${row.min ?? 0} to ${row.max}`;
  const found = describe(value, row.secret || row.type === 'url');
  throw refusal(kind, key, found, row.values?.join(' or ') ?? allowed + range);
}

/** A value as a sentence may name it; of a secret only its type. */
export function describe(value: unknown, secret = false): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return value === '' ? 'empty' : secret ? 'a text' : shown(value);
  return typeof value === 'function' ? 'a function' : String(value);
}

/** A text in quotes, without what looks like a credential, and cut. */
function shown(text: string): string {
  const open = redact(text);
  return JSON.stringify(open.length > MAX_SHOWN ? `${open.slice(0, MAX_SHOWN)}…` : open);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
