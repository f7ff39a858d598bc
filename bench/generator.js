import { compiled } from './compile.js';
import { start } from './process.js';

const sources = ['generator.c', 'grpc.c', 'grpc.h'];
let binary;

/** Compiles the generator unless these very sources have been compiled before. */
export function compileGenerator() {
  binary = compiled('generator', sources);
}

/**
 * @typedef {object} Load
 * @property {number} connections
 * @property {number} inflight requests in flight a connection
 * @property {number} [rate] requests a second over all connections, each at its time; without it as many as are answered
 * @property {boolean} [sleep] with a rate: sleeps between requests, and so leaves its core to the server
 * @property {number} warmup seconds before the measured ones
 * @property {number} seconds
 *
 * @typedef {object} Measured what the generator says of the measured seconds; times in seconds, percentiles in µs
 * @property {number} replies
 * @property {number} wall
 * @property {number} serverCpu user and system time of all threads of the server
 * @property {number} serverWait how long the server was ready to run while something else had its core
 * @property {number} generatorWork CPU time of the generator without its empty polls
 * @property {number} p50
 * @property {number} p99
 * @property {number} p999
 */

/**
 * How a peer is loaded whose requests and replies have a fixed length.
 * @param {string} request hexadecimal
 * @param {string} reply hexadecimal; every byte of each reply is compared
 * @param {number} [idAt] from here on both hold 8 bytes of an id that the reply repeats
 */
export function framed(request, reply, idAt = -1) {
  return loadedBy(['--request', request, '--reply', reply, '--id-at', String(idAt)]);
}

/** How a peer is loaded that is asked for its health by gRPC: one unary call a request, which has to say SERVING. */
export function grpcHealth() {
  return loadedBy(['--protocol', 'grpc']);
}

function loadedBy(dialogue) {
  const run = (server, options) => {
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    return start('generator', binary, [...dialogue, '--pid', server.pid, '--port', server.port, ...args].map(String));
  };
  return {
    /**
     * @param {Load} load
     * @returns {Promise<Measured>}
     */
    async load(server, load) {
      return JSON.parse(await run(server, load).line());
    },
    /** Opens connections, has one exchange on each, and keeps them until the returned function is called; it has another. */
    async idle(server, connections) {
      const generator = run(server, { mode: 'idle', connections });
      await generator.line();
      return generator.finish;
    },
  };
}
