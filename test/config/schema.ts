import { type CheckKind, checkKinds } from '../../src/checks/catalog.js';
import { shapeOfKind } from '../../src/config/checks.js';
import { formatDuration } from '../../src/config/duration.js';
import { formatOctets } from '../../src/config/octets.js';
import type { OptionRow, OptionType } from '../../src/config/option.js';
import { checkVariables, optionRows } from '../../src/config/options.js';
import { type Shape, shapeOf } from '../../src/config/shape.js';
import { namePattern, valueTypes } from '../../src/config/values.js';
import { MAX_TOKENS, tokenPattern } from '../../src/link/tokens.js';

type Schema = Readonly<Record<string, unknown>>;

/** `${VAR}` may stand in place of anything; what becomes of it is known to the reader alone. */
const variable: Schema = { type: 'string', pattern: '\\$\\{' };
const reference: Schema = { $ref: '#/definitions/variable' };
const orReference = (...schemas: Schema[]): Schema => ({ anyOf: [...schemas, reference] });

const matching = (pattern: RegExp | string): Schema => ({
  type: 'string',
  pattern: typeof pattern === 'string' ? pattern : pattern.source,
});
const oneLine: Schema = { type: 'string', minLength: 1, maxLength: 1024, pattern: '^[^\\x00-\\x1f\\x7f-\\x9f]+$' };
const listOf = (items: Schema, minItems = 0, maxItems?: number): Schema =>
  orReference({
    type: 'array',
    items: orReference(items),
    ...(minItems > 0 && { minItems }),
    ...(maxItems !== undefined && { maxItems }),
  });
/** Schemes are written in any case. */
const anyCase = (word: string) => word.replace(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);

/** What a value of each type looks like. The bounds of a duration, and what is wrong only beside something else, is for the reader. */
const types: Readonly<Record<OptionType, (row: OptionRow) => Schema>> = {
  duration({ min = 0 }) {
    const notZero = min > 0 ? '(?!0+(\\.0+)?[a-z])' : '';
    const text = matching(`^(${notZero}\\d{1,12}(\\.\\d{1,6})?(ms|s|m|h)${min > 0 ? '' : '|0'})$`);
    return min > 0 ? orReference(text) : orReference({ const: 0 }, text);
  },
  octets: ({ min = 0, max = Number.MAX_SAFE_INTEGER }) =>
    orReference({ type: 'integer', minimum: min, maximum: max }, matching('^\\d{1,15}(KiB|MiB|GiB)?$')),
  integer: ({ min = 0, max = Number.MAX_SAFE_INTEGER }) => orReference({ type: 'integer', minimum: min, maximum: max }),
  boolean: () => orReference({ type: 'boolean' }),
  enum: ({ values }) => orReference({ enum: values }),
  string: () => oneLine,
  pattern: () => oneLine,
  texts: () => ({ type: 'object', additionalProperties: oneLine }),
  patterns: () => ({ type: 'object', additionalProperties: oneLine }),
  path: () => ({ type: 'string', minLength: 1 }),
  names: () => listOf(matching(namePattern)),
  tokens: () => listOf(matching(tokenPattern), 1, MAX_TOKENS),
  networks: () => listOf(matching('^[0-9A-Fa-f:.]+(/\\d{1,3})?$'), 1),
  targets: () => listOf({ type: 'string', minLength: 1 }, 1),
  url: () => orReference(matching('^\\s*[A-Za-z][A-Za-z0-9+.-]*://.')),
  mode: () => orReference(matching('^0?[0-7]{3}$')),
  address: () =>
    orReference(matching(`^((${anyCase('pong')}[Ss]?://)?[^/?#@]+|${anyCase('pong')}\\+${anyCase('unix')}:(//)?/.+)$`)),
  addresses: () => ({ type: 'string', minLength: 1 }),
  endpoint: () => orReference({ enum: [false, 'false'] }, matching('^(http://)?[^/]*:\\d+$')),
};

/** What an editor shows, and puts in; a default that depends on something is told in words. */
function described(row: OptionRow): Schema {
  const { type, sentence, default: said, defaultText = said, required } = row;
  const known = required ? 'Required.' : `Default: ${defaultText}.`;
  return {
    description: `${sentence} Allowed: ${valueTypes[type].allowed(row)}. ${known}`,
    ...(said !== undefined && { default: asWritten(row, said) }),
  };
}

function asWritten(row: OptionRow, said: string): unknown {
  const { read, readText = read } = valueTypes[row.type];
  const value = readText(said, row);
  if (typeof value !== 'number') return value;
  if (row.type === 'duration') return value === 0 ? 0 : formatDuration(value);
  return row.type === 'octets' ? formatOctets(value) : value;
}

/** The short form of a section, such as `http: false`, stands beside the long one. */
function ofShape(shape: Shape, more: Readonly<Record<string, Schema>> = {}): Schema {
  const { row, item, any, keys, open = false } = shape;
  const forms: Schema[] = [];
  if (keys.size > 0) forms.push({ ...mapOf(keys, more), additionalProperties: open });
  if (any)
    forms.push({ type: ['object', 'null'], propertyNames: matching(namePattern), additionalProperties: ofShape(any) });
  if (item) forms.push({ type: 'array', items: ofShape(item) });
  if (row) forms.push(types[row.type](row));
  const [only, ...others] = forms;
  return { ...(row && described(row)), ...(others.length === 0 ? only : { anyOf: forms }) };
}

function mapOf(keys: Shape['keys'], more: Readonly<Record<string, Schema>>): Schema {
  const required = [...keys].filter(([, { row }]) => row?.required).map(([key]) => key);
  return {
    type: ['object', 'null'],
    properties: { ...Object.fromEntries([...keys].map(([key, shape]) => [key, ofShape(shape)])), ...more },
    ...(required.length > 0 && { required }),
  };
}

/** A check of one kind, whatever it still lacks. */
function ofKind(kind: CheckKind): Schema {
  const { required: _, ...schema } = ofShape(shapeOfKind(kind), { kind: { const: kind.kind } });
  return { description: kind.sentence, ...schema, type: 'object', required: ['kind'] };
}

function lacksNothing({ kind, options }: CheckKind): Schema {
  const required = options.filter((option) => option.required).map(({ name }) => name);
  return { type: 'object', required: ['kind', ...required], properties: { kind: { const: kind } } };
}

/** The schema of the configuration file (JSON Schema, draft 7, which editors read). */
export function configSchema(): Schema {
  const check = { $ref: '#/definitions/check' };
  // `MYSQL_URL` and its like give the check of their name its URL.
  const urlFromOutside = Object.fromEntries(checkVariables.map(({ name }) => [name, check]));
  const checks: Schema = {
    description: 'The checks by name; a check of kind module takes further keys of your own.',
    type: ['object', 'null'],
    propertyNames: matching(namePattern),
    properties: urlFromOutside,
    additionalProperties: { allOf: [check, { $ref: '#/definitions/complete' }] },
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'urn:pongcheck:config:1',
    title: 'pongcheck configuration',
    description:
      'Written from the table of options, as that of the README is. `pongcheck check-config` judges also what a schema cannot: the bounds of durations, variables, and what goes together.',
    ...ofShape(shapeOf(optionRows.filter(({ path }) => !path.startsWith('checks.'))), { checks }),
    definitions: {
      variable,
      check: {
        type: 'object',
        required: ['kind'],
        properties: { kind: { enum: checkKinds.map(({ kind }) => kind), description: 'The kind of the check.' } },
        oneOf: checkKinds.map(({ kind }) => ({ $ref: `#/definitions/${kind}` })),
      },
      complete: { oneOf: checkKinds.map(lacksNothing) },
      ...Object.fromEntries(checkKinds.map((kind) => [kind.kind, ofKind(kind)])),
    },
  };
}
