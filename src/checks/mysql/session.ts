import type { Socket } from 'node:net';
import type { Connection, ConnectionOptions, RowDataPacket } from 'mysql2';
import { CheckFailure } from '../../health/reason.js';
import { AnswerMeter, HEADER_BYTES, LARGE_ANSWER, SMALL_ANSWER } from './answer.js';
import type { Driver, PacketReader } from './driver.js';
import { mysqlFailure } from './failure.js';

/** Server address and credentials. */
export interface MysqlLogin {
  /** The server, to show to people. */
  readonly target: string;
  /** Opens a socket to the server. */
  readonly open: () => Socket;
  /** Host name that the certificate must match. */
  readonly servername: string;
  /** Credentials and login options for the driver. */
  readonly options: ConnectionOptions;
}

/** How long to wait for the server to close, in milliseconds. */
const END_TIMEOUT_MS = 200;
/** Larger than any initial packet of a server. */
const MAX_GREETING_BYTES = 1024;
/** First byte of the initial packet: protocol version, or error. */
const PROTOCOL = 10;
const ERROR = 0xff;

/**
 * One connection to a server. The session owns the socket: the driver alone would ask an unresponsive server to close
 * and wait forever.
 */
export class MysqlSession {
  /** Resolves after the login; rejects if the connection ends before. */
  readonly ready: Promise<void>;
  /** Monotonic time at which the login finished; undefined before. */
  readyAt: number | undefined;
  /** Whether the connection has ended. */
  lost = false;
  /** It ended because this side could not continue a handshake that the server had started. */
  brokenOff = false;
  private readonly socket: Socket;
  private connection: Connection | undefined;
  private readonly meter = new AnswerMeter();
  /** Protocol violation or exceeded limit of the server. */
  private violation: CheckFailure | undefined;

  /** @param openedAt the current monotonic time. */
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
    // There may be no waiter when it rejects.
    this.ready.catch(() => {});
  }

  /** Whether the TCP connection is not established, so that the server has not noticed the attempt. */
  get connecting(): boolean {
    return this.socket.connecting;
  }

  /** Runs a statement that returns one row. Rejects at once when the session is destroyed. Only after `ready`. */
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

  /** Runs a statement; resolves with its rows, by column name. Otherwise like `query`. */
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

  /** Closes the connection at once; pending queries reject. */
  destroy(): void {
    this.lost = true;
    this.socket.destroy();
  }

  /**
   * Closes the connection with COM_QUIT, because the server counts and logs other closes as aborted. Resolves when it
   * is closed.
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
   * Waits for the initial packet of the server before the driver is attached: the driver would wait forever for another
   * protocol, and accepts any announced length. Rejects with the error packet sent instead.
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
      // Only for verifying the certificate; the socket is already connected.
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

  /** Passes data to the driver only within the limits, and none after a violation. */
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

/** Whether the server ended the handshake: with an error number, or by closing. */
function isFromServer(error: unknown): boolean {
  const { errno } = error as NodeJS.ErrnoException;
  return Number(errno) > 0 || mysqlFailure(error).reason === 'reset';
}

/** The initial packet once it is complete; an error if it is invalid or an error packet. */
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
