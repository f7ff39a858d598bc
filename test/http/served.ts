import { connect, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../src/common/clock.js';
import type { Answer } from '../../src/health/health.js';
import type { HttpContext } from '../../src/http/context.js';
import { type HttpServer, type HttpServerOptions, openHttp } from '../../src/http/server.js';
import { FakeHealth } from '../server/fake-health.js';

const opened: (HttpServer | Socket)[] = [];

/** The routes on their own port, with scripted answers. */
export async function serve<H extends HttpContext['health'] = FakeHealth>(
  { detail = 'loopback', tokens, ...context }: Partial<HttpServerOptions & HttpContext['access']> & { health?: H } = {},
  { clock = systemClock, port = 0 }: { clock?: Clock; port?: number } = {},
) {
  const health = (context.health ?? new FakeHealth()) as H;
  const register = () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics: async () => 'up 1\n' });
  const server = await openHttp({
    access: { detail, tokens },
    connections: async () => [],
    overview: overviewOf(health),
    register,
    ...context,
    health,
    host: '127.0.0.1',
    port,
    clock,
  });
  opened.push(server);
  return { server, url: server.address, health };
}

/** An overview for which only the answers are known. */
export function overviewOf(health: HttpContext['health']): HttpContext['overview'] {
  return {
    known: () => {
      let known: Answer | undefined;
      health.ask({ scope: 'readiness', timeout: 0, hops: 0 }, (answer) => {
        known = answer;
      });
      return known as Answer;
    },
    groups: () => ['readiness'],
    stateOf: () => health.cachedStatus('readiness').state,
    checks: () => [],
    transitions: [],
    history: { minute: 0, checks: [], groups: [], check: () => undefined, group: () => undefined },
    connections: () => ({ open: 0, modes: { undecided: 0, binary: 0, line: 0 }, waiting: 0, closed: {} }),
    onTransition: () => () => {},
    version: '0.0.0',
    startedAt: new Date(0),
  };
}

/** A connection that has sent no request. */
export async function silentConnection(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  opened.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

/** Closes everything that a test has opened. */
export async function closeAll(): Promise<void> {
  for (const open of opened.splice(0).reverse()) await ('destroy' in open ? open.destroy() : open.close());
}
