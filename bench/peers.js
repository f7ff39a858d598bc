import { framed, grpcHealth } from './generator.js';
import { startNode, startRedis } from './servers.js';

const PING = '0000000c010100000000000000000000';
const PONG = '0000000c010200010000000000000000';
const ID_AT = 8;

/**
 * The peers of the comparison: how each is started and loaded. The first of those that run is compared with each of
 * the others. A peer whose requests and replies have no fixed length has its own `load` and `idle`. `most` is its
 * maximum number of requests in flight.
 */
export const peers = [
  { name: 'pongcheck', title: 'pongcheck', start: () => startNode('pongcheck.js'), ...framed(PING, PONG, ID_AT) },
  { name: 'echo', title: 'bare `node:net` echo', start: () => startNode('echo.js'), ...framed(PING, PING, ID_AT) },
  { name: 'redis', title: 'Redis `PING`', start: startRedis, ...framed(hex('*1\r\n$4\r\nPING\r\n'), hex('+PONG\r\n')) },
  {
    name: 'redis-inline',
    title: 'Redis `PING`, inline',
    start: startRedis,
    ...framed(hex('PING\r\n'), hex('+PONG\r\n')),
  },
  // With 1024 in flight on each connection one batch would take longer than what is measured.
  {
    name: 'grpc',
    title: '`@grpc/grpc-js` health `Check`',
    start: () => startNode('grpc.js'),
    most: 64,
    ...grpcHealth(),
  },
];

function hex(text) {
  return Buffer.from(text).toString('hex');
}
