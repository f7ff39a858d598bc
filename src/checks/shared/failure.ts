import { CheckFailure, type Reason, statusOf } from '../../health/reason.js';

/** What was thrown as the failure of a check, for a reason that is known. Says again what the error said. */
export function failure(reason: Reason, error: unknown): CheckFailure {
  if (error instanceof CheckFailure) return error;
  return new CheckFailure(reason, sentenceOf(error), { status: statusOf(error) });
}

/** The message of an error; one of several addresses that were tried often has none of its own. */
function sentenceOf(error: unknown): string {
  const { message, errors, code } = (error ?? {}) as Record<string, unknown>;
  if (typeof message === 'string' && message !== '') return message;
  if (Array.isArray(errors) && errors.length > 0) return sentenceOf(errors[0]);
  return String(code ?? error);
}
