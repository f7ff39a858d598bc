import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compiledPackage } from '../cli/compiled.js';
import type { Host, Network } from './network.js';
import { now, Program, type ProgramOptions, passUntil, type Said } from './program.js';

/** Tests are started in the project's folder by `npm run test:system` and `npm run experiments`. */
const programs = join(process.cwd(), 'test', 'system', 'programs');

/** Where a program runs. `files`: open file limit. */
interface Where {
  host?: Pick<Host, 'within'> | undefined;
  env?: Record<string, string>;
  files?: number;
}

/** The processes and networks of one test. All of them are removed by `close`. */
export class Trial {
  private readonly running: Program[] = [];
  private readonly networks: Network[] = [];

  network(network: Network): Network {
    this.networks.push(network);
    return network;
  }

  program(command: readonly string[], options?: ProgramOptions): Program {
    const program = new Program(command, options);
    this.running.push(program);
    return program;
  }

  /** Starts a listening service with these options of `createService`. */
  async server(options: object, where: Where = {}): Promise<ServerUnderTrial> {
    const index = pathToFileURL(join(compiledPackage(), 'dist', 'index.js')).href;
    const program = this.node('server.js', [index, JSON.stringify(options)], where);
    const { addresses } = await program.says('listening');
    return { program, ports: addresses.map((address: string) => Number(new URL(address).port)) };
  }

  /**
   * Starts clients as described in `programs/peers.js`. Resolves when all are connected and their HELLOs are answered.
   */
  async peers(plan: object, host?: Pick<Host, 'within'>): Promise<PeersUnderTrial> {
    const program = this.node('peers.js', [JSON.stringify(plan)], { host });
    const { peers } = await program.says('up');
    return { program, peers };
  }

  node(script: string, args: readonly string[], { host, env, files }: Where = {}): Program {
    const options = { ...(host && { within: host.within }), ...(env && { env }) };
    const limit = files === undefined ? [] : ['prlimit', `--nofile=${files}:${files}`];
    return this.program([...limit, process.execPath, join(programs, script), ...args], options);
  }

  async close(): Promise<void> {
    await Promise.all(this.running.splice(0).map((program) => program.kill()));
    for (const network of this.networks.splice(0)) network.close();
  }
}

export interface ServerUnderTrial {
  program: Program;
  /** Port of each listener, in order. */
  ports: number[];
}

export interface PeersUnderTrial {
  program: Program;
  /** The clients as they were when all were connected. `port` is the local port. */
  peers: Said[];
}

/** Memory of the server after garbage collection, and its counters. */
export function stateOf(server: Program): Promise<Said> {
  return server.ask({ state: true }, 'state');
}

/** The state when only `open` connections are left. */
export async function quiet(server: Program, open: number): Promise<Said> {
  for (;;) {
    const state = await stateOf(server);
    if (state.open <= open) return state;
    await passUntil(now() + 100);
  }
}
