import { type CheckKind, checkKinds } from '../../src/checks/catalog.js';
import { shapeOfKind } from '../../src/config/checks.js';
import { MAX_TOKENS, tokenPattern } from '../../src/net/tokens.js';
import { formatBytes } from '../../src/options/bytes.js';
import { formatDuration } from '../../src/options/duration.js';
import { hostUrlPattern, MAX_PEER_ADDRESSES } from '../../src/options/network-types.js';
import { defaultInFile, type OptionRow } from '../../src/options/option.js';
import { readDefault } from '../../src/options/reader.js';
import { type Shape, shapeOf } from '../../src/options/shape.js';
import { checkVariables, optionRows } from '../../src/options/table.js';
import { namePattern, requestPathPattern } from '../../src/options/value-types.js';

type Schema = Readonly<Record<string, unknown>>;

/** `${VAR}` may replace any value, so only the reader knows the result. */
const VARIABLE = '\\$\\{';
const matching = (pattern: string): Schema => ({ type: 'string', pattern: `${pattern}|${VARIABLE}` });
/** A type other than text, or a text that matches this pattern. One schema instead of two yields a better message. */
const orText = (type: string, bounds: Schema = {}, pattern?: string): Schema => ({
  ...bounds,
  type: [type, 'string'],
  pattern: pattern === undefined ? VARIABLE : `${pattern}|${VARIABLE}`,
});
const range = ({ min = 0, max = Number.MAX_SAFE_INTEGER }: OptionRow): Schema => ({ minimum: min, maximum: max });
const oneLine: Schema = { type: 'string', minLength: 1, maxLength: 1024, pattern: '^[^\\x00-\\x1f\\x7f-\\x9f]+$' };
const notEmpty: Schema = { type: 'string', minLength: 1 };
const listOf = (items: Schema, bounds: Schema = {}): Schema => orText('array', { items, ...bounds });
/** Schemes are case-insensitive. */
const anyCase = (word: string) => word.replace(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);

/**
 * The schema of each type. The range of a duration and contradictions between options are checked by the reader only.
 */
const types: Readonly<Record<string, (row: OptionRow) => Schema>> = {
  duration(row) {
    if (row.min) return matching('^(?!0+(\\.0+)?[a-z])\\d{1,12}(\\.\\d{1,6})?(ms|s|m|h)$');
    // The message is repeated here, because an editor would otherwise report for a number without a unit that it is not
    // 0.
    return {
      anyOf: [{ const: 0, ...messageOf(row) }, matching('^(0|\\d{1,12}(\\.\\d{1,6})?(ms|s|m|h))$')],
    };
  },
  bytes: (row) => orText('integer', range(row), '^\\d{1,16}(KiB|MiB|GiB)?$'),
  integer: (row) => orText('integer', range(row)),
  boolean: () => orText('boolean'),
  enumeration: ({ values }) => ({ anyOf: [{ enum: values }, { type: 'string', pattern: VARIABLE }] }),
  text: () => oneLine,
  payload: () => oneLine,
  pattern: () => oneLine,
  textList: ({ max }) => listOf(oneLine, { minItems: 1, maxItems: max }),
  texts: () => ({ type: 'object', additionalProperties: oneLine }),
  patterns: () => ({ type: 'object', additionalProperties: oneLine }),
  requestPath: () => matching(requestPathPattern.source),
  path: () => notEmpty,
  names: ({ max }) => listOf(matching(namePattern.source), max === undefined ? {} : { minItems: 1, maxItems: max }),
  tokens: () => listOf(matching(tokenPattern.source), { minItems: 1, maxItems: MAX_TOKENS }),
  networks: () => listOf(matching('^[0-9A-Fa-f:.]+(/\\d{1,3})?$'), { minItems: 1 }),
  peerAddresses: ({ max = MAX_PEER_ADDRESSES }) =>
    listOf(matching(`^((${anyCase('srv')}\\+)?${anyCase('pong')}[Ss]?://)?[^/?#@]+$`), {
      minItems: 1,
      maxItems: max,
    }),
  targets: () => listOf(notEmpty, { minItems: 1 }),
  hostUrl: () => matching(hostUrlPattern.source),
  url: () => matching('^\\s*[A-Za-z][A-Za-z0-9+.-]*://.'),
  fileMode: () => matching('^0?[0-7]{3}$'),
  address: () => matching(`^((${anyCase('pong')}[Ss]?://)?[^/?#@]+|${anyCase('pong')}\\+${anyCase('unix')}:(//)?/.+)$`),
  addresses: () => notEmpty,
  endpoint: () => orText('boolean', { not: { const: true } }, '^((http://)?[^/]*:\\d+|false)$'),
};

function typeSchema(row: OptionRow): Schema {
  return (types[row.type.name] as (row: OptionRow) => Schema)(row);
}

/**
 * Texts for editors (`errorMessage` is an extension that some of them support). A default that depends on something is
 * described in words.
 */
function described(row: OptionRow): Schema {
  const said = defaultInFile(row);
  const { type, description, defaultText = said, required } = row;
  const known = required ? 'Required.' : `Default: ${defaultText}.`;
  return {
    description: `${description} Allowed: ${type.allowed(row, 'file')}. ${known}`,
    ...messageOf(row),
    ...(said !== undefined && { default: asWritten(row, said) }),
  };
}

function messageOf(row: OptionRow): Schema {
  return { errorMessage: `Allowed: ${row.type.allowed(row, 'file')}.` };
}

function asWritten(row: OptionRow, said: string): unknown {
  const value = readDefault(row, said);
  if (typeof value !== 'number') return value;
  if (row.type.name === 'duration') return value === 0 ? 0 : formatDuration(value);
  return row.type.name === 'bytes' ? formatBytes(value) : value;
}

/** The short form of a section, such as `http: false`, is an alternative to the long form. */
function ofShape(shape: Shape, more: Readonly<Record<string, Schema>> = {}): Schema {
  const { row, item, any, keys, open = false } = shape;
  const forms: Schema[] = [];
  if (keys.size > 0) forms.push({ ...mapOf(keys, more), additionalProperties: open });
  if (any)
    forms.push({
      type: ['object', 'null'],
      propertyNames: { pattern: namePattern.source },
      additionalProperties: ofShape(any),
    });
  if (item) forms.push({ type: 'array', items: ofShape(item) });
  if (row) forms.push(typeSchema(row));
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

/** A check of one kind, without its required options. */
function ofKind(kind: CheckKind): Schema {
  const { required: _, ...schema } = ofShape(shapeOfKind(kind), { kind: { const: kind.kind } });
  return { description: kind.description, ...schema, type: 'object', required: ['kind'] };
}

function lacksNothing({ kind, options }: CheckKind): Schema {
  const required = options.filter((option) => option.required).map(({ path }) => path);
  return { type: 'object', required: ['kind', ...required], properties: { kind: { const: kind } } };
}

/** The schema of the configuration file (JSON Schema draft 7, which editors support). */
export function configSchema(): Schema {
  const check = { $ref: '#/definitions/check' };
  // `MYSQL_URL` and similar variables set the URL of the check with their name.
  const urlFromOutside = Object.fromEntries(checkVariables.map(({ name }) => [name, check]));
  const checks: Schema = {
    description: 'The checks by name; a check of kind module takes further keys of your own.',
    type: ['object', 'null'],
    propertyNames: { pattern: namePattern.source },
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
