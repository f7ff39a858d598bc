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

const NO_TLS = 'the server does not use TLS: use redis://, or enable TLS on the server';
/** OpenSSL errors for an answer that is not a TLS record. */
const noTlsRecord = /wrong version number|packet length too long/;

/**
 * Connects and logs in. A server without TLS treats the handshake as an incomplete command and does not answer, so
 * after three quarters of the time the server is tried without TLS.
 *
 * @param deadline monotonic time in milliseconds at which the signal fires.
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

/** Determines why a new session failed. Called before the session is closed. */
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
    return isTls ? new CheckFailure('tls', 'the server uses TLS: use rediss://') : failure;
  }
  if (failure.reason === 'tls' && noTlsRecord.test(failure.message)) return new CheckFailure('tls', NO_TLS);
  // The login selects a database, which a Sentinel does not support.
  if (/unknown command/i.test(failure.message) && !lost) {
    const [role] = await orAbort(session.exchange([['ROLE']]), signal);
    if (role && roleIn(role) === 'sentinel') return new CheckFailure('role', IS_SENTINEL);
  }
  return failure;
}

/**
 * Whether the server answers on a separate connection with the opposite TLS setting. With the wrong setting, a server
 * waits for more data or closes the connection. Returns false when the signal fires, or if the application supplies the
 * connector.
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
    if (login.tls) socket.once('data', (chunk) => end(/^[+-]/.test(chunk.toString('latin1')))).write('PING\r\n');
    else socket.once('secureConnect', () => end(true));
    if (signal.aborted) no();
    else signal.addEventListener('abort', no, { once: true });
  });
}
