import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import type { Clock } from '../../common/clock.js';
import { CheckFailure } from '../../health/reason.js';
import { orAbort, withStepTimeout } from '../shared/deadline.js';
import { IS_SENTINEL, roleIn } from './evaluate.js';
import { redisFailure } from './failure.js';
import type { RedisSession } from './session.js';
import { addressOf } from './stream.js';

const NO_TLS = 'the server does not speak TLS: use redis://, or turn TLS on there';
/** What OpenSSL says of an answer that is no TLS. */
const noTlsRecord = /wrong version number|packet length too long/;

/**
 * Connects and logs in. A server without TLS waits for the rest of what it takes for a command: so one that has said
 * nothing of a handshake for three quarters of the time is asked without TLS as well.
 *
 * @param deadline monotonic moment at which the signal will fire, in milliseconds.
 */
export async function openSession(
  session: RedisSession,
  signal: AbortSignal,
  deadline: number,
  clock: Clock,
): Promise<void> {
  const opened = session.open();
  if (!session.login.tls) return orAbort(opened, signal);
  const noTls = new CheckFailure('tls', NO_TLS);
  try {
    await withStepTimeout(
      clock,
      deadline,
      signal,
      () => noTls,
      (stepSignal) => orAbort(opened, stepSignal),
    );
  } catch (error) {
    if (error !== noTls || (await answersWithOtherEncryption(session.login, signal))) throw error;
    await orAbort(opened, signal);
  }
}

/** Why a new session failed, as precisely as can be found out; to be called before it is ended. */
export async function explainFailure(
  error: unknown,
  session: RedisSession,
  signal: AbortSignal,
  deadline: number,
  clock: Clock,
): Promise<CheckFailure> {
  const failure = redisFailure(error);
  const { login, hasReceived, lost } = session;
  if (failure.reason === 'reset' && !hasReceived) {
    if (login.tls) return failure;
    const probe = (stepSignal: AbortSignal) => answersWithOtherEncryption(login, stepSignal);
    const isTls = await withStepTimeout(clock, deadline, signal, () => undefined, probe);
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

/**
 * Whether the server answers, on a connection of its own, in the way that the
 * login does not use: by TLS, or without it. To either a client of the other
 * kind looks like one that has not said all, or the server just hangs up.
 * False when the signal fires, and where the way to the server is the application's own.
 */
async function answersWithOtherEncryption(login: RedisOptions, signal: AbortSignal): Promise<boolean> {
  if (login.Connector) return false;
  return new Promise((resolve) => {
    const end = (answer: boolean) => {
      signal.removeEventListener('abort', no);
      socket.destroy();
      resolve(answer);
    };
    const no = () => end(false);
    const address = addressOf(login);
    const socket = login.tls ? connect(address) : connectTls({ ...address, rejectUnauthorized: false });
    socket.once('error', no).once('close', no);
    if (login.tls) socket.once('data', (said) => end(/^[+-]/.test(said.toString('latin1')))).write('PING\r\n');
    else socket.once('secureConnect', () => end(true));
    if (signal.aborted) no();
    else signal.addEventListener('abort', no, { once: true });
  });
}
