import type { Socket } from 'node:net';
import type { Connection, ConnectionOptions, RowDataPacket } from 'mysql2';
import { CheckFailure } from '../../health/reason.js';
import { AnswerMeter, HEADER_BYTES, LARGE_ANSWER, SMALL_ANSWER } from './answer.js';
import type { Driver, PacketReader } from './driver.js';
import { mysqlFailure } from './failure.js';

/** Server address and credentials. */
export interface MysqlLogin {
  /** Readable name of the server. */
  readonly target: string;
  /** Opens a socket to the server. */
  readonly open: () => Socket;
  /** Host name that the certificate must match. */
  readonly servername: string;
  /** Credentials and login options for the driver. */
  readonly options: ConnectionOptions;
}

/** Maximum time to wait for the server to close the connection, in milliseconds. */
const END_TIMEOUT_MS = 200;
/** Larger than the initial packet of any server. */
const MAX_GREETING_BYTES = 1024;
/** First byte of the initial packet: the protocol version, or an error. */
const PROTOCOL = 10;
const ERROR = 0xff;

/**
 * One connection to a server. The session owns the socket, because the driver closes a connection by sending a request,
 * and would wait forever for an unresponsive server.
 */
export class MysqlSession {
  /** Resolves after the login. Rejects if the connection ends first. */
  readonly ready: Promise<void>;
  /** Monotonic time at which the login finished; undefined before. */
  readyAt: number | undefined;
  /** Whether the connection has ended. */
  lost = false;
  /** Whether the connection ended because this side could not continue a handshake that the server had started. */
  brokenOff = false;
  private readonly socket: Socket;
  private connection: Connection | undefined;
  private readonly meter = new AnswerMeter();
  /** The server's protocol violation, or the limit that it exceeded. */
  private violation: CheckFailure | undefined;

  /** @param openedAt current monotonic time. */
  constructor(
    private readonly driver: Driver,
    private readonly login: MysqlLogin,
    readonly openedAt: number,
    private readonly now: () => number,
  ) {
    this.socket = login.open();
    this.ready = new Promise((resolve, reject) => {
      this.socket.once('error', (error) => {
        this.lost = true;
        reject(error);
      });
      this.socket.once('close', () => {
        this.lost = true;
        reject(new CheckFailure('reset', 'the server closed the connection during the login'));
      });
      this.readGreeting().then((bytes) => this.logIn(bytes, resolve, reject), reject);
    });
    // Prevents an unhandled rejection if nothing is waiting.
    this.ready.catch(() => {});
  }

  /** Whether the TCP connection is not established yet, so that the server is unaware of the attempt. */
  get connecting(): boolean {
    return this.socket.connecting;
  }

  /**
   * Runs a statement that returns one row. Rejects immediately when the session is destroyed. Call only after `ready`.
   */
  query(sql: string): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      this.meter.expect(SMALL_ANSWER);
      this.connection?.query<RowDataPacket[][]>(sql, (error, rows) => {
        const row = rows?.[0];
        if (error) reject(this.violation ?? error);
        else if (Array.isArray(row)) resolve(row);
        else reject(new CheckFailure('protocol', 'the answer has no row'));
      });
    });
  }

  /** Runs a statement. Resolves with its rows, keyed by column name. Otherwise like `query`. */
  records(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return new Promise((resolve, reject) => {
      this.meter.expect(LARGE_ANSWER);
      this.connection?.query<RowDataPacket[]>({ sql, rowsAsArray: false }, (error, rows) => {
        if (error) reject(this.violation ?? error);
        else if (Array.isArray(rows)) resolve(rows);
        else reject(new CheckFailure('protocol', 'the answer has no rows'));
      });
    });
  }

  /** Closes the connection immediately. Pending queries reject. */
  destroy(): void {
    this.lost = true;
    this.socket.destroy();
  }

  /**
   * Closes the connection with COM_QUIT, because the server counts and logs any other close as aborted. Resolves when
   * the connection is closed.
   */
  async end(): Promise<void> {
    if (this.lost) return;
    this.lost = true;
    const closed = new Promise((resolve) => this.socket.once('close', resolve));
    const timer = setTimeout(() => this.socket.destroy(), END_TIMEOUT_MS);
    this.connection?.end();
    this.socket.end();
    await closed;
    clearTimeout(timer);
  }

  /**
   * Waits for the server's initial packet before the driver is attached, because the driver would wait forever on
   * another protocol and accepts any announced length. Rejects with an error packet sent in its place.
   */
  private readGreeting(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let received = Buffer.alloc(0);
      const onData = (bytes: Buffer) => {
        received = Buffer.concat([received, bytes]);
        const packet = firstPacket(received);
        if (packet === undefined) return;
        this.socket.off('data', onData).pause();
        if (packet instanceof Error) {
          reject(packet);
          this.destroy();
        } else resolve(received);
      };
      this.socket.on('data', onData);
    });
  }

  private logIn(received: Buffer, resolve: () => void, reject: (error: unknown) => void): void {
    if (this.lost) return;
    const { servername, options } = this.login;
    this.socket.unshift(received);
    const connection = this.driver.createConnection({
      ...options,
      // Used only to verify the certificate. The socket is already connected.
      host: servername,
      stream: () => this.socket,
      // The caller enforces the deadline.
      connectTimeout: 0,
      rowsAsArray: true,
      // Otherwise the driver compiles a function for each set of columns and never frees it.
      disableEval: true,
      connectAttributes: { program_name: 'pongcheck' },
    });
    this.connection = connection;
    const end = (error: unknown) => {
      this.brokenOff = this.readyAt === undefined && !isFromServer(error);
      reject(error);
      this.destroy();
    };
    connection.on('error', end);
    this.readBounded(connection as unknown as PacketReader, end);
    connection.once('connect', () => {
      this.readyAt = this.now();
      resolve();
    });
    this.socket.resume();
  }

  /** Passes data to the driver only within the limits, and never after a violation. */
  private readBounded(reader: PacketReader, end: (error: unknown) => void): void {
    const parser = reader.packetParser;
    const execute = (chunk: Buffer) => {
      if (this.violation) return;
      try {
        this.meter.take(chunk);
        parser.execute(chunk);
      } catch (error) {
        this.violation = mysqlFailure(error);
        end(this.violation);
      }
    };
    reader.packetParser = { execute };
  }
}

/** Whether the server ended the handshake, with an error number or by closing the connection. */
function isFromServer(error: unknown): boolean {
  const { errno } = error as NodeJS.ErrnoException;
  return Number(errno) > 0 || mysqlFailure(error).reason === 'reset';
}

/** Returns the initial packet once it is complete, or an Error if it is invalid or an error packet. */
function firstPacket(received: Buffer): Buffer | Error | undefined {
  if (received.length <= HEADER_BYTES) return undefined;
  const length = received.readUIntLE(0, 3);
  const kind = received[HEADER_BYTES];
  if (length === 0 || length > MAX_GREETING_BYTES || (kind !== PROTOCOL && kind !== ERROR)) {
    return new CheckFailure('protocol', 'not a MySQL server: unexpected initial packet');
  }
  if (received.length < HEADER_BYTES + length) return undefined;
  const packet = received.subarray(HEADER_BYTES, HEADER_BYTES + length);
  if (kind === PROTOCOL) return packet;
  if (length < 3) return new CheckFailure('protocol', 'malformed error packet');
  const message = packet.toString('utf8', 3).replace(/^#.{5}/s, '');
  return Object.assign(new Error(message), { errno: packet.readUInt16LE(1) });
}
