import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../common/clock.js';
import type { Turns } from '../turns.js';
import type { HttpConnection } from './http-connection.js';

/**
 * Maximum number of concurrent handshakes. Each one may block the event loop for another 1 ms when its client
 * continues.
 */
const MAX_ACTIVE = 32;
/** Maximum duration of a handshake while others are queued, in milliseconds. */
const ACTIVE_TIMEOUT_MS = 100;
/** Type of a TLS handshake record, and the length of a record header. */
const HANDSHAKE_RECORD = 0x16;
const HEADER_BYTES = 5;
/** Longer than any ClientHello. The handshake starts no later than at this length. */
const MAX_HELLO_BYTES = 8192;

/**
 * Passes connections to the TLS implementation of Node's server. Each connection is passed in its own turn of the event
 * loop, and only after the complete ClientHello has arrived, because answering it is expensive.
 */
export class TlsHandshakes {
  private readonly queue: HttpConnection[] = [];
  private isNewestNext = true;
  private readonly active = new Map<HttpConnection, number>();
  private readonly byEndpoints = new Map<string, HttpConnection>();
  private timer: Timer;
  private readonly startTls: (socket: Socket) => void;

  constructor(
    server: Server,
    private readonly turns: Turns,
    private readonly clock: Clock,
    private readonly close: (connection: HttpConnection) => void,
  ) {
    const [start] = server.listeners('connection');
    this.startTls = (socket) => start?.call(server, socket);
    server.removeAllListeners('connection');
  }

  add(connection: HttpConnection): void {
    const { raw } = connection;
    const endpoints = endpointsOf(raw);
    this.byEndpoints.set(endpoints, connection);
    raw.once('close', () => {
      if (this.byEndpoints.get(endpoints) === connection) this.byEndpoints.delete(endpoints);
    });
    let hello = Buffer.alloc(0);
    const onEnd = () => connection.destroy();
    const onReadable = () => {
      const bytes: Buffer | null = raw.read();
      if (bytes === null) return;
      hello = Buffer.concat([hello, bytes]);
      if (!isComplete(hello)) return;
      raw.off('readable', onReadable).off('end', onEnd);
      raw.unshift(hello);
      this.queue.push(connection);
      this.startNext();
    };
    raw.on('readable', onReadable).on('end', onEnd);
  }

  /** The connection whose handshake has completed; undefined if the connection was closed in the meantime. */
  done(socket: Socket): HttpConnection | undefined {
    const connection = this.byEndpoints.get(endpointsOf(socket));
    if (!connection) return undefined;
    this.delete(connection);
    return connection.destroyed ? undefined : connection;
  }

  delete(connection: HttpConnection): void {
    const index = this.queue.indexOf(connection);
    if (index >= 0) this.queue.splice(index, 1);
    if (this.active.delete(connection)) this.startNext();
  }

  /** Starts queued handshakes, and closes active ones that take too long. */
  private startNext(): void {
    const now = this.clock.now();
    for (const [connection, since] of this.active) {
      if (this.queue.length === 0 || now - since < ACTIVE_TIMEOUT_MS) break;
      this.close(connection);
    }
    while (this.queue.length > 0 && this.active.size < MAX_ACTIVE) {
      // Alternates between the ends of the queue, so that the oldest connection is not starved and the newest does not
      // wait until a thousand others have failed.
      const connection = (this.isNewestNext ? this.queue.pop() : this.queue.shift()) as HttpConnection;
      this.isNewestNext = !this.isNewestNext;
      this.active.set(connection, now);
      this.turns.run(() => {
        if (!connection.destroyed) this.startTls(connection.raw);
      });
    }
    if (this.queue.length === 0) return;
    this.timer ??= this.clock.after(ACTIVE_TIMEOUT_MS, () => {
      this.timer = undefined;
      this.startNext();
    });
  }
}

function isComplete(hello: Buffer): boolean {
  if (hello[0] !== HANDSHAKE_RECORD) return true;
  return (
    hello.length >= HEADER_BYTES && hello.length >= HEADER_BYTES + Math.min(hello.readUInt16BE(3), MAX_HELLO_BYTES)
  );
}

/** Key that identifies a connection, because the `secureConnection` event does not provide the underlying socket. */
function endpointsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
