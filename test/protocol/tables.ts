import { cell, code, table } from '../readme/markdown.js';
import { registry } from './registry.js';

const hex = (octet: number) => code(octet.toString(16).padStart(2, '0'));
const plain = (rows: readonly { code: number; name: string; meaning: string }[]) =>
  table(
    ['code', 'name', ''],
    rows.map((row) => [String(row.code), code(row.name), cell(row.meaning)]),
  );

function amount(value: number, unit: string): string {
  if (value === 0) return '0';
  if (unit === 'ms') return `${value / 1000} s`;
  return unit === 'octets' ? `${value / 1024} KiB` : value.toLocaleString('en-US');
}

/** All tables in the specification that are generated from the registry. */
export const tables: Readonly<Record<string, string>> = {
  types: table(
    ['type', 'frame', 'sent by', 'code', 'body, at most', ''],
    registry.types.map((row) => [
      hex(row.code),
      row.name,
      row.sentBy,
      row.codeMeans,
      amount(row.maxBody, 'octets'),
      cell(row.meaning),
    ]),
  ),
  flags: table(
    ['frame', 'flag', 'name', ''],
    registry.flags.map(({ type, mask, name, meaning }) => [type, hex(mask), name, cell(meaning)]),
  ),
  scopes: plain(registry.scopes),
  statuses: table(
    ['code', 'name', 'healthy', ''],
    registry.statuses.map((row) => [String(row.code), code(row.name), row.healthy ? 'yes' : 'no', cell(row.meaning)]),
  ),
  goaways: plain(registry.goaways),
  errors: table(
    ['code', 'name', 'fatal', ''],
    registry.errors.map((row) => [String(row.code), code(row.name), row.fatal ? 'yes' : 'no', cell(row.meaning)]),
  ),
  reasons: table(
    ['reason', ''],
    registry.reasons.map(({ name, meaning }) => [code(name), cell(meaning)]),
  ),
  limits: table(
    ['key', 'default', 'beyond it'],
    registry.limits.map(({ key, default: value, unit, off, beyond }) => [
      code(key),
      `${amount(value, unit)}${off === 0 && value !== 0 ? ' (0 = none)' : ''}${value === 0 ? ' = none' : ''}`,
      cell(beyond),
    ]),
  ),
};
