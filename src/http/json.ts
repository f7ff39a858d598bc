import { printableJson } from '../common/printable.js';
import type { Rendering } from './renderings.js';

/** Renders JSON without terminal control sequences, which text from peers may contain. */
export function jsonRendering(value: unknown): Rendering {
  return { type: 'application/json; charset=utf-8', body: Buffer.from(printableJson(value)) };
}
