import { execFile } from 'node:child_process';
import { chmod, chown, copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { DatabaseServer } from './database-server.js';
import { findProgram, freePort, needProgram, ServerProcess } from './server-process.js';

const PACKAGES = 'postgresql (apt-get install -y --no-install-recommends postgresql)';
/** Folder in which Debian installs the programs of each version. */
const VERSIONS = '/usr/lib/postgresql';
/** `nobody`, because PostgreSQL refuses to run as root. */
const NOBODY = 65_534;

export interface PostgresServerOptions {
  /** Settings such as `max_connections=10`. They override the settings of the fixture. */
  settings?: readonly string[];
  /** Makes the server a replica of this one. */
  primary?: PostgresServer;
  /** PEM files. Enables TLS. */
  tls?: { cert: string; key: string };
}

export interface PostgresLogin {
  user: string;
  password: string;
  host: string;
  port: number;
}

/**
 * A private PostgreSQL on a random port of 127.0.0.1, in its own folder. Over TCP, the superuser `postgres` has the
 * password `postgres`. Starting takes about 2 s.
 */
export class PostgresServer extends DatabaseServer {
  protected readyLine = /ready to accept (?:read-only )?connections/;

  static async start({ settings = [], primary, tls }: PostgresServerOptions = {}): Promise<PostgresServer> {
    const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    const folder = await mkdtemp(join(tmpdir(), 'pongcheck-postgres-'));
    const data = join(folder, 'data');
    try {
      if (user.uid !== undefined) await chown(folder, user.uid, user.gid);
      const run = async (name: string, args: string[]) =>
        promisify(execFile)(await program(name), args, { ...user, cwd: folder });
      if (primary) {
        await run('pg_basebackup', [
          '-D',
          data,
          '-d',
          primary.socketUrl,
          '-R',
          '-X',
          'stream',
          '--checkpoint=fast',
          '--no-sync',
        ]);
      } else {
        await run('initdb', [
          '-D',
          data,
          '-U',
          'postgres',
          '--auth-local=trust',
          '--auth-host=scram-sha-256',
          '--no-sync',
          '--no-locale',
          '-E',
          'UTF8',
        ]);
      }
      const port = await freePort();
      const all = {
        fsync: 'off',
        full_page_writes: 'off',
        // A commit is written before it is confirmed, so that a kill loses none.
        synchronous_commit: 'on',
        listen_addresses: '127.0.0.1',
        unix_socket_directories: folder,
        shared_buffers: '1MB',
        max_connections: '20',
        wal_retrieve_retry_interval: '100ms',
        // The checkpoint of a base backup would otherwise remove WAL that another replica has not received yet.
        wal_keep_size: '256MB',
      };
      const args = ['-D', data, '-p', String(port)];
      if (tls) {
        // The server reads a key only if it owns the file.
        for (const [name, path] of Object.entries(tls)) {
          await copyFile(path, join(folder, name));
          await chmod(join(folder, name), 0o600);
          if (user.uid !== undefined) await chown(join(folder, name), user.uid, user.gid);
        }
        args.push('-c', 'ssl=on', '-c', `ssl_cert_file=${folder}/cert`, '-c', `ssl_key_file=${folder}/key`);
      }
      for (const [name, value] of Object.entries(all)) args.push('-c', `${name}=${value}`);
      for (const setting of settings) args.push('-c', setting);
      const serverProcess = new ServerProcess(await program('postgres'), folder, user);
      const server = new PostgresServer({ host: '127.0.0.1', port, folder, process: serverProcess, args });
      // A replica without hot standby never accepts connections.
      if (settings.includes('hot_standby=off')) server.readyLine = /consistent recovery state reached/;
      await server.restart();
      if (!primary) await server.query("ALTER USER postgres PASSWORD 'postgres'");
      return server;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /**
   * `postgres://USER:PASSWORD@HOST:PORT/postgres`. Default: the superuser. `port` and `host` may be those of a proxy.
   */
  url({
    user = 'postgres',
    password = 'postgres',
    host = this.host,
    port = this.port,
  }: Partial<PostgresLogin> = {}): string {
    return `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}/postgres`;
  }

  /** Connection string for PostgreSQL programs, over the Unix socket. */
  get socketUrl(): string {
    return `host=${this.folder} port=${this.port} user=postgres dbname=postgres`;
  }

  /** Opens a connection of the superuser over the Unix socket. */
  async connect(): Promise<Client> {
    const client = new Client({ host: this.folder, port: this.port, user: 'postgres', database: 'postgres' });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  /** Runs statements one after the other on a separate connection. Returns the rows of the last one. */
  async query(...statements: string[]): Promise<Record<string, unknown>[]> {
    const client = await this.connect();
    try {
      let rows: Record<string, unknown>[] = [];
      for (const statement of statements) ({ rows } = await client.query(statement));
      return rows;
    } finally {
      await client.end();
    }
  }

  /** Sends a signal to the main process only. With SIGTERM, existing connections continue and new ones are rejected. */
  signal(name: NodeJS.Signals): void {
    process.kill(this.mine.pid, name);
  }
}

/** The path of a program in the newest installed version. */
async function program(name: string): Promise<string> {
  const found = findProgram(name);
  if (found !== undefined) return found;
  const versions = await readdir(VERSIONS).catch((): string[] => []);
  const [newest] = versions.sort((a, b) => Number(b) - Number(a));
  return needProgram(PACKAGES, join(VERSIONS, String(newest), 'bin', name));
}
