import { MASK } from '../common/mask.js';
import { type Redact, redactor } from '../common/redact.js';
import type { DefinedCheck } from '../health/defined-check.js';
import { isMap } from '../options/path.js';
import { isSecretKey, secretsOf } from '../options/secrets.js';
import type { Shape } from '../options/shape.js';
import { defaultOf, kindOf, rootShape, shapeOfKind } from './checks.js';
import type { CheckOptions, FileSettings } from './settings.js';

/** The settings of a configuration, and the checks created from it. */
export interface Built {
  readonly settings: FileSettings;
  readonly checks: Readonly<Record<string, DefinedCheck>>;
}

/** Returns a function that masks the secrets of configurations and of their checks. */
export function redactorOf(...configurations: readonly Built[]): Redact {
  return redactor(
    configurations.flatMap(({ settings, checks }) => [
      ...secretsOf(rootShape, settings),
      ...Object.values(checks).flatMap(({ secrets }) => secrets ?? []),
    ]),
  );
}

/**
 * The effective configuration in the syntax of the file, in the order of the option table, with units and without
 * secrets. Defaults of checks are taken from the created checks.
 */
export function effective({ settings, checks }: Built): object {
  const { listen, http, grpc, checks: checkOptions, ...rest } = settings;
  const shownChecks = Object.entries(checkOptions).map(([name, options]) => [
    name,
    effectiveCheck(options, checks[name] as DefinedCheck),
  ]);
  const redact = redactor([]);
  return {
    ...(format(rootShape, { listen, http, grpc }, redact) as object),
    checks: Object.fromEntries(shownChecks),
    ...(format(rootShape, rest, redact) as object),
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

function format(shape: Shape | undefined, value: unknown, redact: Redact): unknown {
  const row = shape?.row;
  if (row?.secret) return isMap(value) ? Object.fromEntries(Object.keys(value).map((key) => [key, MASK])) : MASK;
  if (Array.isArray(value)) return value.map((element) => format(shape?.item, element, redact));
  if (isMap(value)) {
    const known = [...(shape?.keys.keys() ?? [])].filter((key) => value[key] !== undefined);
    const keys = [...new Set([...known, ...Object.keys(value)])];
    return Object.fromEntries(
      keys.map((key) => {
        const below = shape?.keys.get(key) ?? shape?.any;
        return [key, !below && isSecretKey(key) ? MASK : format(below, value[key], redact)];
      }),
    );
  }
  const formatted = row && typeof value === 'number' ? (row.type.show?.(value) ?? value) : value;
  if (typeof formatted === 'string') return redact(formatted);
  // A numeric additional option may also be a secret.
  return !row && redact(String(formatted)) !== String(formatted) ? MASK : formatted;
}
