import type { GoawayBody } from '../wire/bodies.js';
import { GoawayReason } from '../wire/codes.js';
import { wordsOf } from './words.js';

/** The server asks to be left: why, and when. */
export interface Goaway extends GoawayBody {
  reason: 'none' | 'draining' | 'too-old' | 'idle' | 'unknown';
}

const reasons = wordsOf(GoawayReason) as ReadonlyMap<number, Goaway['reason']>;

/** The fields of a GOAWAY frame in words. */
export function readGoaway(code: number, body: GoawayBody | undefined): Goaway {
  return { ...body, reason: reasons.get(code) ?? 'unknown' };
}
