import { redactor } from '../common/redact.js';
import type { DefinedCheck } from '../health/defined-check.js';
import { isMap } from '../options/path.js';
import { type Shape, shapeOf } from '../options/shape.js';
import { optionRows } from '../options/table.js';
import { defaultOf, kindOf, shapeOfKind } from './checks.js';
import type { CheckOptions, FileSettings } from './settings.js';

const HIDDEN = '***';
/** Keys of additional options, in a check of an open kind, whose values are masked. */
const secretKey = /pass|pwd|secret|token|key|auth|credential|signature|cookie/i;

/**
 * The effective configuration in file syntax, in table order, with units and without secrets. `checks` contains the
 * created checks, which have their own defaults.
 */
export function effective(settings: FileSettings, checks: Readonly<Record<string, DefinedCheck>>): object {
  const { listen, http, grpc, checks: checkOptions, ...rest } = settings;
  const shownChecks = Object.entries(checkOptions).map(([name, options]) => [
    name,
    effectiveCheck(options, checks[name] as DefinedCheck),
  ]);
  const shape = shapeOf(optionRows.filter(({ path }) => !path.startsWith('checks.')));
  const redact = redactor([]);
  return {
    ...(format(shape, { listen, http, grpc }, redact) as object),
    checks: Object.fromEntries(shownChecks),
    ...(format(shape, rest, redact) as object),
  };
}

function effectiveCheck(options: CheckOptions, check: DefinedCheck): unknown {
  const kind = kindOf(options.kind);
  const shape = shapeOfKind(kind);
  const defaults = kind.options.flatMap((row) => defaultOf(row));
  const settings = [...shape.keys.keys()].map((key) => [key, check[key as keyof DefinedCheck]]);
  const withDefaults = Object.fromEntries([...defaults, ...settings].filter(([, value]) => value !== undefined));
  return format(shape, { ...withDefaults, ...options }, redactor(check.secrets ?? []));
}

function format(shape: Shape | undefined, value: unknown, redact: (text: string) => string): unknown {
  const row = shape?.row;
  if (row?.secret) return isMap(value) ? Object.fromEntries(Object.keys(value).map((key) => [key, HIDDEN])) : HIDDEN;
  if (Array.isArray(value)) return value.map((element) => format(shape?.item, element, redact));
  if (isMap(value)) {
    const known = [...(shape?.keys.keys() ?? [])].filter((key) => value[key] !== undefined);
    const keys = [...new Set([...known, ...Object.keys(value)])];
    return Object.fromEntries(
      keys.map((key) => {
        const below = shape?.keys.get(key) ?? shape?.any;
        return [key, !below && secretKey.test(key) ? HIDDEN : format(below, value[key], redact)];
      }),
    );
  }
  const formatted = row && typeof value === 'number' ? (row.type.show?.(value) ?? value) : value;
  if (typeof formatted === 'string') return redact(formatted);
  // A numeric additional option may also be a secret.
  return !row && redact(String(formatted)) !== String(formatted) ? HIDDEN : formatted;
}
