import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import { addressOf } from './stream.js';

/**
 * Whether the server answers, on a connection of its own, in the way that the
 * login does not use: by TLS, or without it. To either a client of the other
 * kind looks like one that has not said all, or the server just hangs up.
 * False when the signal fires, and where the way to the server is the application's own.
 */
export async function answersOtherwise(login: RedisOptions, signal: AbortSignal): Promise<boolean> {
  if (login.Connector) return false;
  return new Promise((resolve) => {
    const end = (answer: boolean) => {
      signal.removeEventListener('abort', over);
      socket.destroy();
      resolve(answer);
    };
    const over = () => end(false);
    const address = addressOf(login);
    const socket = login.tls ? connect(address) : connectTls({ ...address, rejectUnauthorized: false });
    socket.once('error', over).once('close', over);
    if (login.tls) socket.once('data', (said) => end(/^[+-]/.test(said.toString('latin1')))).write('PING\r\n');
    else socket.once('secureConnect', () => end(true));
    if (signal.aborted) over();
    else signal.addEventListener('abort', over, { once: true });
  });
}
