import { rm } from 'node:fs/promises';
import type { ServerProcess } from './server-process.js';

export interface DatabaseServerOptions {
  readonly host: string;
  readonly port: number;
  /** URL of a server given by the environment, which must not be stopped. */
  readonly given?: URL;
  readonly folder?: string;
  readonly process?: ServerProcess;
  readonly args?: readonly string[];
}

/**
 * A server for tests: a private process that can be frozen, killed and restarted, or a server given by the environment.
 */
export abstract class DatabaseServer {
  readonly host: string;
  readonly port: number;
  protected readonly given: URL | undefined;
  protected readonly folder: string;
  protected readonly args: readonly string[];
  private readonly process: ServerProcess | undefined;
  /** Output of the process when it accepts connections. */
  protected abstract readonly readyLine: RegExp;

  protected constructor({ host, port, given, folder = '', process, args = [] }: DatabaseServerOptions) {
    this.host = host;
    this.port = port;
    this.given = given;
    this.folder = folder;
    this.process = process;
    this.args = args;
  }

  /** Whether the server may be frozen, killed and restarted. */
  get own(): boolean {
    return this.process !== undefined;
  }

  /** Sends SIGSTOP. Resolves when each thread has stopped. The kernel still accepts TCP connections to the server. */
  freeze(): Promise<void> {
    return this.mine.freeze();
  }

  /** Sends SIGCONT. */
  thaw(): void {
    this.mine.thaw();
  }

  /** Sends SIGKILL, even to a frozen server. Its clients see a reset. The data is kept for `restart`. */
  kill(): Promise<void> {
    return this.mine.kill();
  }

  /** Kills the server if it is running, and starts it again on the same port. Resolves when it is ready. */
  async restart(): Promise<void> {
    await this.mine.kill();
    await this.mine.start(this.args, this.readyLine);
  }

  /** Kills the server and removes its folder. A given server is not affected. */
  async stop(): Promise<void> {
    await this.process?.kill();
    if (this.folder) await rm(this.folder, { recursive: true, force: true });
  }

  protected get mine(): ServerProcess {
    if (!this.process) throw new Error(`${this.given?.host} was given by the environment, and must not be stopped`);
    return this.process;
  }
}
