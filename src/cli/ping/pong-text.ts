import type { Pong } from '../../client/responses.js';
import { PongcheckError } from '../../common/errors.js';
import { type CheckLine, failingMarks } from '../report-lines.js';
import type { Outcome } from './exit-dialects.js';

/** The status, with the numeric code if it is private. */
export function statusOf({ code, status }: Pong): string {
  return code > 127 ? `unknown(${code})` : status;
}

/** The rest of a PONG line: ` stale`, ` truncated`, and each check that does not pass with its reason. */
export function marksOf({ stale, truncated }: Pick<Pong, 'stale' | 'truncated'>, lines: readonly CheckLine[]): string {
  const failing = failingMarks(lines).map((mark) => ` ${mark}`);
  return `${stale ? ' stale' : ''}${truncated ? ' truncated' : ''}${failing.join('')}`;
}

/** The outcome of a PING, for the exit code. With invalid options, no PING was sent. */
export function outcomeOf(answer: Pong | PongcheckError): Outcome {
  if (!(answer instanceof PongcheckError)) return answer.status;
  return answer.code === 'PONGCHECK_CONFIG' ? 'not asked' : 'no answer';
}
