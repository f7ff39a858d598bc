import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { DatabaseServer } from './database-server.js';
import { freePort, needProgram, ServerProcess } from './server-process.js';

const PACKAGES = 'mariadb-server (apt-get install -y --no-install-recommends mariadb-server), or set TEST_MYSQL_URL';

export interface MariaDbOptions {
  /** Additional flags for mariadbd, such as `--max-connections=10`. They override the flags of the fixture. */
  args?: readonly string[];
  /** If false, the server looks up the names of its clients, which it must do before it can block one. Default true. */
  skipNameResolve?: boolean;
}

/**
 * A private MariaDB on a random port of 127.0.0.1, in its own folder. `root` has no password. Starting takes about 3 s.
 *
 * If `TEST_MYSQL_URL` is set, it represents that server instead. In that case, `own` is false, and freeze, thaw, kill
 * and restart throw. Use `ownServer('TEST_MYSQL_URL')` for tests that need these methods.
 *
 * @example
 *     const mariadb = await MariaDb.start();   // in beforeAll
 *     const check = mysqlCheck({ url: mariadb.url() });
 *     await mariadb.freeze();
 *     await mariadb.stop();                    // in afterAll
 */
export class MariaDb extends DatabaseServer {
  protected readonly readyLine = /ready for connections/;

  static async start({ args = [], skipNameResolve = true }: MariaDbOptions = {}): Promise<MariaDb> {
    const given = process.env.TEST_MYSQL_URL;
    if (given) {
      const url = new URL(given);
      return new MariaDb({ host: url.hostname, port: Number(url.port || 3306), given: url });
    }
    const program = needProgram(PACKAGES, 'mariadbd', 'mysqld');
    const install = needProgram(PACKAGES, 'mariadb-install-db', 'mysql_install_db');
    const user = `--user=${userInfo().username}`;
    const folder = await mkdtemp(join(tmpdir(), 'pongcheck-mariadb-'));
    const common = ['--no-defaults', user, `--datadir=${folder}`, '--innodb-log-file-size=4M'];
    try {
      await promisify(execFile)(install, [
        ...common,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        `--tmpdir=${folder}`,
      ]);
      const port = await freePort();
      const all = [
        ...common,
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        `--socket=${folder}/s.sock`,
        `--pid-file=${folder}/pid`,
        `--tmpdir=${folder}`,
        '--innodb-buffer-pool-size=8M',
        '--innodb-flush-log-at-trx-commit=0',
        '--performance-schema=OFF',
        ...(skipNameResolve ? ['--skip-name-resolve'] : []),
        ...args,
      ];
      const server = new MariaDb({
        host: '127.0.0.1',
        port,
        folder,
        process: new ServerProcess(program, folder),
        args: all,
      });
      await server.restart();
      return server;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /**
   * `mysql://USER:PASSWORD@HOST:PORT/`. Default: root without a password, or the user of a given server. `port` and
   * `host` may be those of a proxy.
   */
  url({ user, password, host = this.host, port = this.port }: Partial<MariaDbLogin> = {}): string {
    const url = new URL(this.given ?? 'mysql://root@127.0.0.1/');
    url.hostname = host;
    url.port = String(port);
    if (user !== undefined) {
      url.username = encodeURIComponent(user);
      url.password = '';
    }
    if (password !== undefined) url.password = encodeURIComponent(password);
    return url.href;
  }

  /** Runs statements one after the other on a separate connection of root. Returns the rows of the last one. */
  async query(...statements: string[]): Promise<RowDataPacket[]> {
    const connection = await createConnection({
      uri: this.url(),
      // A Unix socket needs no host name, and leaves the TCP connections to the test.
      ...(this.own && { stream: () => connectSocket(join(this.folder, 's.sock')) }),
    });
    try {
      let rows: unknown;
      for (const statement of statements) [rows] = await connection.query(statement);
      return rows as RowDataPacket[];
    } finally {
      connection.destroy();
    }
  }

  /** A number from SHOW GLOBAL STATUS, such as `Questions` or `Threads_connected`. It includes this query itself. */
  async status(name: string): Promise<number> {
    const [row] = await this.query(`SHOW GLOBAL STATUS LIKE '${name}'`);
    if (!row) throw new Error(`the server has no status ${name}`);
    return Number(row.Value);
  }
}

export interface MariaDbLogin {
  user: string;
  password: string;
  host: string;
  port: number;
}
