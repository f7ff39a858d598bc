import { compiled } from './compile.js';
import { start } from './process.js';

const sources = ['generator.c', 'grpc.c', 'grpc.h'];
let binary;

/** Compiles the generator, unless the same sources have already been compiled. */
export function compileGenerator() {
  binary = compiled('generator', sources);
}

/**
 * @typedef {object} Load
 * @property {number} connections
 * @property {number} inflight requests in flight per connection
 * @property {number} [rate] scheduled requests per second over all connections; default: as many as are answered
 * @property {boolean} [sleep] with a rate: sleeps between requests, which leaves the generator's core to the server
 * @property {number} warmup seconds before the measurement
 * @property {number} seconds
 *
 * @typedef {object} Measured what the generator reports about the measured seconds; times in seconds, percentiles in µs
 * @property {number} replies
 * @property {number} wall
 * @property {number} serverCpu user and system time of all threads of the server
 * @property {number} serverWait how long the server was ready to run while something else was using its core
 * @property {number} generatorWork CPU time of the generator without its empty polls
 * @property {number} p50
 * @property {number} p99
 * @property {number} p999
 */

/**
 * Load for a peer whose requests and replies have a fixed length.
 * @param {string} request hexadecimal
 * @param {string} reply hexadecimal; every byte of each reply is compared
 * @param {number} [idAt] offset in both of an 8-byte id that the reply repeats
 */
export function framed(request, reply, idAt = -1) {
  return loadedBy(['--request', request, '--reply', reply, '--id-at', String(idAt)]);
}

/** Load for a peer that is queried with gRPC: one unary call per request, which must return SERVING. */
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
    /**
     * Opens connections and has one exchange on each. Keeps the connections until the returned function is called,
     * which has another exchange.
     */
    async idle(server, connections) {
      const generator = run(server, { mode: 'idle', connections });
      await generator.line();
      return generator.finish;
    },
  };
}
