import { connect, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../src/clock.js';
import type { HttpContext } from '../../src/http/context.js';
import { type HttpServer, openHttp } from '../../src/http/server.js';
import { FakeHealth } from '../server/fake-health.js';

const opened: (HttpServer | Socket)[] = [];

/** The routes on a port of their own, over a health whose answers the test decides. */
export async function serve<H extends HttpContext['health'] = FakeHealth>(
  context: Partial<HttpContext> & { health?: H } = {},
  { clock = systemClock, port = 0 }: { clock?: Clock; port?: number } = {},
) {
  const health = (context.health ?? new FakeHealth()) as H;
  const register = () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics: async () => 'up 1\n' });
  const server = await openHttp({
    detail: 'loopback',
    connections: () => [],
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

/** A connection on which nothing has been said. */
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

/** Closes what a test has opened. */
export async function closeAll(): Promise<void> {
  for (const open of opened.splice(0).reverse()) await ('destroy' in open ? open.destroy() : open.close());
}
