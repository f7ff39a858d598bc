import { printableJson } from '../common/printable.js';
import type { Rendering } from './renderings.js';

/** JSON in which a terminal finds nothing to obey, whatever a peer has put into it. */
export function jsonRendering(value: unknown): Rendering {
  return { type: 'application/json; charset=utf-8', body: Buffer.from(printableJson(value)) };
}
