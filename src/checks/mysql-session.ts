import { connect, type Socket } from 'node:net';
import type { Connection, RowDataPacket, SslOptions } from 'mysql2';

type Driver = typeof import('mysql2');

/** Where a server is and who knocks. */
export interface MysqlLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly ssl: SslOptions | undefined;
  /** The name that the certificate must have. */
  readonly servername: string;
}

/** Silence before the kernel asks whether the other host is still there; it gives up 10 s later. */
const KEEP_ALIVE_MS = 5000;
/** How long a goodbye may take. */
const LEAVE_MS = 200;

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
  private readonly socket: Socket;
  private readonly connection: Connection;

  /** @param openedAt monotonic moment, now. */
  constructor(
    driver: Driver,
    { host, port, servername, user, password, database, ssl }: MysqlLogin,
    readonly openedAt: number,
    now: () => number,
  ) {
    this.socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    this.socket.once('close', () => this.destroy());
    this.connection = driver.createConnection({
      // For the certificate alone; the socket knows where to.
      host: servername,
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database }),
      ...(ssl && { ssl }),
      stream: () => this.socket,
      // The deadline is the caller's.
      connectTimeout: 0,
      rowsAsArray: true,
      connectAttributes: { program_name: 'pongcheck' },
    });
    this.ready = new Promise((resolve, reject) => {
      this.connection.on('error', (error) => {
        this.destroy();
        reject(error);
      });
      this.connection.once('connect', () => {
        this.readyAt = now();
        resolve();
      });
    });
    // Nobody may be waiting when it ends.
    this.ready.catch(() => {});
  }

  /** Whether the server cannot know yet that anybody knocked: there is no TCP connection. */
  get connecting(): boolean {
    return this.socket.connecting;
  }

  /** The only row that the statement gives. Rejects at once when the session is destroyed. */
  query(sql: string): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      this.connection.query<RowDataPacket[][]>(sql, (error, rows) => {
        if (error) reject(error);
        else resolve(rows[0] ?? []);
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
  async leave(): Promise<void> {
    if (this.lost) return;
    this.lost = true;
    const closed = new Promise((resolve) => this.socket.once('close', resolve));
    const timer = setTimeout(() => this.socket.destroy(), LEAVE_MS);
    this.connection.end();
    this.socket.end();
    await closed;
    clearTimeout(timer);
  }
}
