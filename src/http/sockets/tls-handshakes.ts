import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../common/clock.js';
import type { Turns } from '../turns.js';
import type { HttpConnection } from './http-connection.js';

/** Handshakes at once: each of them may still take the loop for a millisecond when the client goes on. */
const MAX_ACTIVE = 32;
/** How long one may take while others wait for its place, in milliseconds. */
const ACTIVE_TIMEOUT = 100;
/** The first byte of a TLS record of a handshake, and the bytes of its header. */
const HANDSHAKE = 0x16;
const HEADER_BYTES = 5;
/** No ClientHello is as long; more is not waited for. */
const MAX_HELLO_BYTES = 8192;

/**
 * Hands connections to the TLS of Node's server, each in a turn of its own and once the whole ClientHello has come, because
 * to answer that is what costs.
 */
export class TlsHandshakes {
  private readonly waiting: HttpConnection[] = [];
  private isNewestNext = true;
  private readonly active = new Map<HttpConnection, number>();
  private readonly byEndpoints = new Map<string, HttpConnection>();
  private timer: Timer;
  private readonly beginTls: (socket: Socket) => void;

  constructor(
    server: Server,
    private readonly turns: Turns,
    private readonly clock: Clock,
    private readonly close: (connection: HttpConnection) => void,
  ) {
    const [begin] = server.listeners('connection');
    this.beginTls = (socket) => begin?.call(server, socket);
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
    const left = () => connection.destroy();
    const onReadable = () => {
      const bytes: Buffer | null = raw.read();
      if (bytes === null) return;
      hello = Buffer.concat([hello, bytes]);
      if (!isWhole(hello)) return;
      raw.off('readable', onReadable).off('end', left);
      raw.unshift(hello);
      this.waiting.push(connection);
      this.next();
    };
    raw.on('readable', onReadable).on('end', left);
  }

  /** The connection for which a handshake is complete; undefined: it was closed meanwhile. */
  done(socket: Socket): HttpConnection | undefined {
    const connection = this.byEndpoints.get(endpointsOf(socket));
    if (!connection) return undefined;
    this.delete(connection);
    return connection.destroyed ? undefined : connection;
  }

  delete(connection: HttpConnection): void {
    const place = this.waiting.indexOf(connection);
    if (place >= 0) this.waiting.splice(place, 1);
    if (this.active.delete(connection)) this.next();
  }

  /** Begins the next ones, in place of those that take too long. */
  private next(): void {
    const now = this.clock.now();
    for (const [connection, since] of this.active) {
      if (this.waiting.length === 0 || now - since < ACTIVE_TIMEOUT) break;
      this.close(connection);
    }
    while (this.waiting.length > 0 && this.active.size < MAX_ACTIVE) {
      // By turns: the oldest is not forgotten, and the newest need not wait until a thousand others have failed.
      const connection = (this.isNewestNext ? this.waiting.pop() : this.waiting.shift()) as HttpConnection;
      this.isNewestNext = !this.isNewestNext;
      this.active.set(connection, now);
      this.turns.run(() => {
        if (!connection.destroyed) this.beginTls(connection.raw);
      });
    }
    if (this.waiting.length === 0) return;
    this.timer ??= this.clock.after(ACTIVE_TIMEOUT, () => {
      this.timer = undefined;
      this.next();
    });
  }
}

function isWhole(hello: Buffer): boolean {
  if (hello[0] !== HANDSHAKE) return true;
  return (
    hello.length >= HEADER_BYTES && hello.length >= HEADER_BYTES + Math.min(hello.readUInt16BE(3), MAX_HELLO_BYTES)
  );
}

/** TLS does not say for which socket it speaks; both ends of a connection name it. */
function endpointsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
