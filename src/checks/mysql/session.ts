import type { Socket } from 'node:net';
import type { Connection, ConnectionOptions, RowDataPacket } from 'mysql2';
import { CheckFailure } from '../../health/reason.js';
import { AnswerMeter, HEADER_BYTES, LARGE_ANSWER, SMALL_ANSWER } from './answer.js';
import { mysqlFailure } from './failure.js';

type Driver = typeof import('mysql2');

/** What reads the packets of a connection, also behind TLS. Not documented, and the same in every mysql2 3. */
interface PacketReader {
  packetParser: { execute(chunk: Buffer): void };
}

/** Where a server is and who knocks. */
export interface MysqlLogin {
  /** Begins to connect to the server. */
  readonly open: () => Socket;
  /** The name that the certificate must have. */
  readonly servername: string;
  /** Who knocks, and how the driver is to log in. */
  readonly options: ConnectionOptions;
}

/** How long a goodbye may take. */
const END_TIMEOUT_MS = 200;
/** More than a server has ever had to say in its first packet. */
const MAX_GREETING_BYTES = 1024;
/** What a first packet begins with: the protocol, or that it is an error instead of a greeting. */
const PROTOCOL = 10;
const ERROR = 0xff;

/**
 * One connection to a server. Its socket is ours: the driver alone would only
 * ask a server that stands still to close, and wait for that for ever.
 */
export class MysqlSession {
  /** Resolves when the login is done; rejects when the connection ends before. */
  readonly ready: Promise<void>;
  /** Monotonic moment of the end of the login; undefined before. */
  readyAt: number | undefined;
  /** The connection has ended, by whomever. */
  lost = false;
  /** It ended because this side could not go on with a handshake that the server had begun. */
  brokenOff = false;
  private readonly socket: Socket;
  private connection: Connection | undefined;
  private readonly meter = new AnswerMeter();
  /** What this side could not accept of the server. */
  private violation: CheckFailure | undefined;

  /** @param openedAt monotonic moment, now. */
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
        reject(new CheckFailure('reset', 'the server closed the connection before the login was done'));
      });
      this.readGreeting().then((bytes) => this.logIn(bytes, resolve, reject), reject);
    });
    // Nobody may be waiting when it ends.
    this.ready.catch(() => {});
  }

  /** Whether the server cannot know yet that anybody knocked: there is no TCP connection. */
  get connecting(): boolean {
    return this.socket.connecting;
  }

  /** The only row that the statement gives. Rejects at once when the session is destroyed. Only once it is ready. */
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

  /** The rows that the statement gives, by the names of their columns; else as `query`. */
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

  /** Ends it at once; whoever waits for it is told. */
  destroy(): void {
    this.lost = true;
    this.socket.destroy();
  }

  /**
   * Ends it as the protocol wants (COM_QUIT): a server counts and logs one that
   * merely closes as aborted. Settles when it has ended.
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
   * Waits until the server has spoken first, as its protocol wants. Only then the driver is let in: it would wait for
   * ever for another's words, and takes any length that it is told. Rejects with the error that came instead.
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
      // For the certificate alone; the socket is there.
      host: servername,
      stream: () => this.socket,
      // The deadline is the caller's.
      connectTimeout: 0,
      rowsAsArray: true,
      // Else the driver compiles a function for each set of columns, and keeps it for good.
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

  /** Lets the driver read only what is within the limits, and nothing more after that. */
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

/** Whether the server ended the handshake: it said why, with a number of its own, or just closed. */
function isFromServer(error: unknown): boolean {
  const { errno } = error as NodeJS.ErrnoException;
  return Number(errno) > 0 || mysqlFailure(error).reason === 'reset';
}

/** The first packet once it is complete; an error where it is none, or says one. */
function firstPacket(received: Buffer): Buffer | Error | undefined {
  if (received.length <= HEADER_BYTES) return undefined;
  const length = received.readUIntLE(0, 3);
  const kind = received[HEADER_BYTES];
  if (length === 0 || length > MAX_GREETING_BYTES || (kind !== PROTOCOL && kind !== ERROR)) {
    return new CheckFailure('protocol', 'what listens there does not greet as MySQL does');
  }
  if (received.length < HEADER_BYTES + length) return undefined;
  const packet = received.subarray(HEADER_BYTES, HEADER_BYTES + length);
  if (kind === PROTOCOL) return packet;
  if (length < 3) return new CheckFailure('protocol', 'an error without a number');
  const message = packet.toString('utf8', 3).replace(/^#.{5}/s, '');
  return Object.assign(new Error(message), { errno: packet.readUInt16LE(1) });
}
