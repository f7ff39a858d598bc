import type { Clock } from '../../common/clock.js';
import { CheckFailure } from '../../health/reason.js';
import { orAbort } from '../shared/abort.js';
import { withStepTimeout } from '../shared/step-timeout.js';
import { answersOtherwise } from './encryption.js';
import { IS_SENTINEL, roleIn } from './evaluate.js';
import { redisFailure } from './failure.js';
import type { RedisSession } from './session.js';

const NO_TLS = 'the server does not speak TLS: use redis://, or turn TLS on there';
/** What OpenSSL says of an answer that is no TLS. */
const noTlsRecord = /wrong version number|packet length too long/;

/**
 * Connects and logs in. A server without TLS waits for the rest of what it takes for a command: so one that has said
 * nothing of a handshake for three quarters of the time is asked without TLS as well.
 *
 * @param deadline monotonic moment at which the signal will fire, in milliseconds.
 */
export async function enter(session: RedisSession, signal: AbortSignal, deadline: number, clock: Clock): Promise<void> {
  const opened = session.open();
  if (!session.login.tls) return orAbort(opened, signal);
  const silence = new CheckFailure('tls', NO_TLS);
  try {
    await withStepTimeout(
      clock,
      deadline,
      signal,
      () => silence,
      (bound) => orAbort(opened, bound),
    );
  } catch (error) {
    if (error !== silence || (await answersOtherwise(session.login, signal))) throw error;
    await orAbort(opened, signal);
  }
}

/** Why a new session failed, as precisely as can be found out; to be called before it is ended. */
export async function explain(
  error: unknown,
  session: RedisSession,
  signal: AbortSignal,
  deadline: number,
  clock: Clock,
): Promise<CheckFailure> {
  const failure = redisFailure(error);
  const { login, heard, lost } = session;
  if (failure.reason === 'reset' && !heard) {
    if (login.tls) return failure;
    const look = (bound: AbortSignal) => answersOtherwise(login, bound);
    const isTls = await withStepTimeout(clock, deadline, signal, () => undefined, look);
    return isTls ? new CheckFailure('tls', 'the server speaks TLS: use rediss://') : failure;
  }
  if (failure.reason === 'tls' && noTlsRecord.test(failure.message)) return new CheckFailure('tls', NO_TLS);
  // A database was to be selected.
  if (/unknown command/i.test(failure.message) && !lost) {
    const [role] = await orAbort(session.exchange([['ROLE']]), signal);
    if (role && roleIn(role) === 'sentinel') return new CheckFailure('role', IS_SENTINEL);
  }
  return failure;
}
