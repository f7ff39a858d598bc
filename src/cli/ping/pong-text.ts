import type { Pong } from '../../client/pong.js';
import { PongcheckError } from '../../common/errors.js';
import type { CheckLine } from '../report-lines.js';
import type { Outcome } from './exit-dialects.js';

/** The status in a word, with the octet of one that this version does not know. */
export function statusOf({ code, status }: Pong): string {
  return code > 127 ? `unknown(${code})` : status;
}

/** What else a line says of a PONG: ` stale`, ` truncated`, and each check that does not pass with its reason. */
export function marksOf({ stale, truncated }: Pong, lines: readonly CheckLine[]): string {
  const failing = lines
    .filter(({ state }) => state !== 'pass')
    .map(({ name, reason }) => ` ${name}=${reason ?? 'unknown'}`);
  return `${stale ? ' stale' : ''}${truncated ? ' truncated' : ''}${failing.join('')}`;
}

/** What a PING brought, for who wants an exit code of it. Options that cannot be used were no question to anybody. */
export function outcomeOf(answer: Pong | PongcheckError): Outcome {
  if (!(answer instanceof PongcheckError)) return answer.status;
  return answer.code === 'PONGCHECK_CONFIG' ? 'not asked' : 'no answer';
}
