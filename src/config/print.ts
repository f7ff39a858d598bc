import { redactor } from '../common/redact.js';
import type { DefinedCheck } from '../health/defined-check.js';
import { isMap } from '../options/path.js';
import { type Shape, shapeOf } from '../options/shape.js';
import { optionRows } from '../options/table.js';
import { defaultOf, kindOf, shapeOfKind } from './checks.js';
import type { CheckOptions, FileSettings } from './settings.js';

const HIDDEN = '***';
/** Keys of the user's own, below a check of an open kind, whose values are hidden. */
const secretKey = /pass|pwd|secret|token|key|auth|credential|signature|cookie/i;

/**
 * What holds, as a file would say it, in the order of the table: units are
 * written out, secrets are hidden. `checks` are the built ones, which have
 * decided their own defaults.
 */
export function effective(settings: FileSettings, checks: Readonly<Record<string, DefinedCheck>>): object {
  const { listen, http, checks: said, ...rest } = settings;
  const shown = Object.entries(said).map(([name, options]) => [
    name,
    effectiveCheck(options, checks[name] as DefinedCheck),
  ]);
  const shape = shapeOf(optionRows.filter(({ path }) => !path.startsWith('checks.')));
  const nothingSecret = redactor([]);
  return {
    ...(show(shape, { listen, http }, nothingSecret) as object),
    checks: Object.fromEntries(shown),
    ...(show(shape, rest, nothingSecret) as object),
  };
}

function effectiveCheck(options: CheckOptions, check: DefinedCheck): unknown {
  const kind = kindOf(options.kind);
  const shape = shapeOfKind(kind);
  const defaults = kind.options.flatMap((row) => defaultOf(row));
  const settings = [...shape.keys.keys()].map((key) => [key, check[key as keyof DefinedCheck]]);
  const decided = Object.fromEntries([...defaults, ...settings].filter(([, value]) => value !== undefined));
  return show(shape, { ...decided, ...options }, redactor(check.secrets ?? []));
}

function show(shape: Shape | undefined, value: unknown, redact: (text: string) => string): unknown {
  const row = shape?.row;
  if (row?.secret) return isMap(value) ? Object.fromEntries(Object.keys(value).map((key) => [key, HIDDEN])) : HIDDEN;
  if (Array.isArray(value)) return value.map((element) => show(shape?.item, element, redact));
  if (isMap(value)) {
    const known = [...(shape?.keys.keys() ?? [])].filter((key) => value[key] !== undefined);
    const keys = [...new Set([...known, ...Object.keys(value)])];
    return Object.fromEntries(
      keys.map((key) => {
        const below = shape?.keys.get(key) ?? shape?.any;
        return [key, !below && secretKey.test(key) ? HIDDEN : show(below, value[key], redact)];
      }),
    );
  }
  const shown = row && typeof value === 'number' ? (row.type.show?.(value) ?? value) : value;
  if (typeof shown === 'string') return redact(shown);
  // A number below an open kind may be a secret as well.
  return !row && redact(String(shown)) !== String(shown) ? HIDDEN : shown;
}
