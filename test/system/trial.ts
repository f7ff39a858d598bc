import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compiledPackage } from '../cli/compiled.js';
import type { Host, Network } from './network.js';
import { now, Program, type ProgramOptions, passUntil, type Said } from './program.js';

/** Trials are started in the project's folder, by `npm run test:system` and `npm run experiments`. */
const programs = join(process.cwd(), 'test', 'system', 'programs');

/** Where a program runs; `files`: how many it may have open. */
interface Where {
  host?: Pick<Host, 'within'> | undefined;
  env?: Record<string, string>;
  files?: number;
}

/** Who is where: the processes and networks of one trial, all gone after `close`. */
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

  /** A service of these options, as `createService` takes them, that listens. */
  async server(options: object, where: Where = {}): Promise<ServerUnderTrial> {
    const index = pathToFileURL(join(compiledPackage(), 'dist', 'index.js')).href;
    const program = this.node('server.js', [index, JSON.stringify(options)], where);
    const { addresses } = await program.says('listening');
    return { program, ports: addresses.map((address: string) => Number(new URL(address).port)) };
  }

  /** Clients as `programs/peers.js` tells them; all stand, and their HELLOs are answered. */
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
  /** Of each listener, in order. */
  ports: number[];
}

export interface PeersUnderTrial {
  program: Program;
  /** As they were when all stood: `startedAt`, and `port`, their own. */
  peers: Said[];
}

/** Memory of the server after garbage collection, and its counters. */
export function stateOf(server: Program): Promise<Said> {
  return server.ask({ state: true }, 'state');
}

/** The state once only `open` connections are left. */
export async function quiet(server: Program, open: number): Promise<Said> {
  for (;;) {
    const state = await stateOf(server);
    if (state.open <= open) return state;
    await passUntil(now() + 100);
  }
}
