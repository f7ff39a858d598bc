import type { OptionRow } from '../../options/option.js';
import { enumeration } from '../../options/value-types.js';

/** The required role of a database server. */
export function roleOption(values: readonly string[], description: string): OptionRow {
  return { path: 'role', type: enumeration, values, default: 'any', description };
}
