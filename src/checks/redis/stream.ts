import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import { CheckFailure } from '../../health/reason.js';
import { RedisReplyGuard } from './reply-guard.js';

/** Socket options with the server address. */
export function addressOf({ host = 'localhost', port = 6379, path, family }: RedisOptions): NetConnectOpts {
  return path ? { path } : { host, port, ...(family !== undefined && { family }) };
}

/** Opens a socket to the server. Uses the connector of the login if it has one. */
export async function openSocket(login: RedisOptions): Promise<Socket> {
  const { Connector, tls } = login;
  // ioredis declares this class as abstract, but also instantiates it.
  if (Connector) return (await new Connector(login).connect(() => {})) as Socket;
  return tls ? connectTls({ ...addressOf(login), ...tls }) : connect(addressOf(login));
}

/**
 * The stream that the driver uses. It owns the socket, so that the driver receives only data that the guard has
 * accepted.
 */
export class RedisStream extends Duplex {
  private readonly guard = new RedisReplyGuard();
  /** Resolves when connected, after the TLS handshake if `isTls`. Rejects if that fails. */
  readonly ready: Promise<void>;
  /** Whether any data has been received. */
  hasReceived = false;

  constructor(
    private readonly socket: Socket,
    isTls: boolean,
  ) {
    super({ allowHalfOpen: false });
    this.ready = new Promise((resolve, reject) => {
      if (socket.connecting) socket.once(isTls ? 'secureConnect' : 'connect', resolve);
      else resolve();
      this.once('error', reject);
      this.once('close', () => reject(new CheckFailure('reset', 'the server closed the connection')));
    });
    // Prevents an unhandled rejection if nothing is waiting.
    this.ready.catch(() => {});
    socket.setNoDelay(true);
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    socket.on('end', () => this.push(null));
    socket.on('data', (chunk) => this.receive(chunk));
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.guard.reset();
    this.socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }

  /** The driver expects a socket and calls this method. */
  setKeepAlive(on: boolean, delay: number): this {
    this.socket.setKeepAlive(on, delay);
    return this;
  }

  /** The driver expects a socket and calls this method. */
  setNoDelay(): this {
    return this;
  }

  private receive(chunk: Buffer): void {
    this.hasReceived = true;
    try {
      this.guard.check(chunk);
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (!this.push(chunk)) this.socket.pause();
  }
}
