import { framed, grpcHealth } from './generator.js';
import { findBun, startBun, startC, startNode, startRedis } from './servers.js';

const PING = '0000000c010100000000000000000000';
const LIVENESS_PING = '0000000c010100010000000000000000';
const PONG = '0000000c010200010000000000000000';
const ID_AT = 8;

const [major, minor] = process.versions.node.split('.').map(Number);
const hasReusePort = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);

/**
 * The peers of the comparison, with how to start and load them. The first of those that run is compared with each of
 * the others. A peer whose requests and replies have no fixed length has its own `load` and `idle`. `most` is its
 * maximum number of requests in flight. `prepare` throws if the peer cannot run, in which case it is omitted. `threads`
 * is its number of PING threads; two of them share a port only if Node.js has `reusePort`. `questions` lists the loads
 * beside an application.
 */
export const peers = [
  pongcheck('pongcheck', 0),
  pongcheck('threads-1', 1),
  ...(hasReusePort ? [pongcheck('threads-2', 2)] : []),
  {
    name: 'limit',
    title: 'C epoll echo (limit)',
    start: () => startC('limit.c'),
    ...framed(PING, PING, ID_AT),
  },
  {
    name: 'node-limit',
    title: 'Node.js echo without streams',
    start: () => startNode('node-limit.js'),
    ...framed(PING, PING, ID_AT),
  },
  {
    name: 'raw-echo',
    title: 'Node.js echo with raw handle writes',
    start: () => startNode('raw-echo.js'),
    ...framed(PING, PING, ID_AT),
  },
  {
    name: 'bun',
    title: '`Bun.listen` echo',
    prepare: findBun,
    start: () => startBun('bun-echo.js'),
    ...framed(PING, PING, ID_AT),
  },
  { name: 'echo', title: 'bare `node:net` echo', start: () => startNode('echo.js'), ...framed(PING, PING, ID_AT) },
  { name: 'redis', title: 'Redis `PING`', start: startRedis, ...framed(hex('*1\r\n$4\r\nPING\r\n'), hex('+PONG\r\n')) },
  {
    name: 'redis-inline',
    title: 'Redis `PING`, inline',
    start: startRedis,
    ...framed(hex('PING\r\n'), hex('+PONG\r\n')),
  },
  // With 1024 requests in flight per connection, one batch would take longer than the measurement.
  {
    name: 'grpc',
    title: '`@grpc/grpc-js` health `Check`',
    start: () => startNode('grpc.js'),
    most: 64,
    ...grpcHealth(),
  },
];

function pongcheck(name, threads) {
  const title = `pongcheck, \`threads: ${threads}\``;
  const readiness = framed(PING, PONG, ID_AT);
  const liveness = framed(LIVENESS_PING, PONG, ID_AT);
  const start = () => startNode('pongcheck.js', String(threads));
  return { name, title, threads, start, ...readiness, ...(threads < 2 && { questions: { liveness, readiness } }) };
}

function hex(text) {
  return Buffer.from(text).toString('hex');
}
