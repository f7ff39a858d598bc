import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ProbeModule } from '../../src/exporter/module.js';
import { probe } from '../../src/exporter/probe.js';
import { CheckFailure } from '../../src/health/reason.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { FakeClock } from '../fake-clock.js';
import { startBlockable } from '../protocol/blocked-loop.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(options: ServiceOptions = {}): Promise<{ service: Service; pong: number; http: number }> {
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: { port: 0 }, ...options });
  await service.start();
  closing.push(() => service.stop());
  const portOf = (url: string) => Number(url.slice(url.lastIndexOf(':') + 1));
  return { service, pong: portOf(service.addresses[0] as string), http: portOf(service.httpAddress as string) };
}

/** A peer whose connections are handled by the test. */
async function peer(talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    talk(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const ask = (port: number, module: ProbeModule, timeout = 5000) => probe({ host: '127.0.0.1', port }, module, timeout);

const checks: ServiceOptions['checks'] = {
  db: async () => {},
  cache: async () => {
    throw new CheckFailure('refused', 'nothing listens');
  },
};

describe('a probe', () => {
  it.each(['pongcheck', 'line', 'http', 'tcp'] as const)('with %s of a healthy responder succeeds', async (prober) => {
    const { pong, http } = await serve({ checks: { db: async () => {} } });
    const { failure, ipVersion, state, duration } = await ask(prober === 'http' ? http : pong, { prober });
    expect(failure).toBeUndefined();
    expect(ipVersion).toBe(4);
    expect(state).toBe(prober === 'tcp' ? undefined : 'pass');
    expect(duration).toBeGreaterThan(0);
  });

  it.each(['pongcheck', 'line'] as const)('with %s of a blocked event loop has the reason', async (prober) => {
    const target = await startBlockable({ checks: { db: 'pass' }, loop: { readinessStall: 1, livenessStall: 0 } });
    closing.push(() => target.stop());
    target.operate?.({ operator: 'block' });
    const { failure, state, checks } = await ask(target.port, { prober });
    expect([failure?.reason, state]).toEqual(['unhealthy', 'fail']);
    expect(checks?.[0]).toMatchObject({ name: 'event-loop', state: 'fail', reason: 'loop-blocked' });
  });

  it.each(['pongcheck', 'line', 'http'] as const)(
    'with %s of a failing responder has the check and its reason',
    async (prober) => {
      const { pong, http } = await serve({ checks });
      const { failure, state, checks: told } = await ask(prober === 'http' ? http : pong, { prober });
      expect(failure).toEqual({ reason: 'unhealthy', description: 'the target status is fail' });
      expect(state).toBe('fail');
      expect(told).toContainEqual(expect.objectContaining({ name: 'cache', state: 'fail', reason: 'refused' }));
    },
  );

  it('queries the checks or the group of its module', async () => {
    const { pong } = await serve({ checks });
    expect((await ask(pong, { prober: 'pongcheck', checks: ['db'] })).state).toBe('pass');
    expect((await ask(pong, { prober: 'pongcheck', group: 'none' })).state).toBe('not-found');
    expect((await ask(pong, { prober: 'pongcheck', scope: 'liveness' })).state).toBe('pass');
  });

  it('sends its token to a responder that requires one, and never logs it', async () => {
    const token = 'a-token-of-the-right-length';
    const { pong, http } = await serve({ checks, detail: 'token', tokens: [token] });
    for (const [port, prober] of [
      [pong, 'pongcheck'],
      [http, 'http'],
    ] as const) {
      const shown = await ask(port, { prober, token });
      expect(shown.checks).toHaveLength(2);
      expect(JSON.stringify(shown)).not.toContain(token);
      const wrong = await ask(port, { prober, token: `${token}x` });
      expect(wrong.failure?.reason).toBe('auth');
      expect(JSON.stringify(wrong)).not.toContain(token);
      expect((await ask(port, { prober })).checks ?? []).toEqual([]);
    }
  });

  it.each(['pongcheck', 'line', 'http'] as const)('with %s of a frozen peer ends at its deadline', async (prober) => {
    let asked = () => {};
    const question = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const port = await peer((socket) => socket.once('data', asked));
    const clock = new FakeClock();
    let isOver = false;
    const probed = probe({ host: '127.0.0.1', port }, { prober }, 200, clock).finally(() => {
      isOver = true;
    });
    await question;
    await clock.advance(199);
    expect(isOver).toBe(false);
    await clock.advance(1);
    expect(await probed).toMatchObject({ failure: { reason: 'timeout' }, duration: 200 });
  });

  it.each([
    ['pongcheck', 'reset', (socket: Socket) => socket.destroy()],
    ['line', 'reset', (socket: Socket) => socket.end()],
    ['http', 'reset', (socket: Socket) => socket.destroy()],
    ['pongcheck', 'protocol', (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n')],
    ['line', 'protocol', (socket: Socket) => socket.end('hello\n')],
    ['line', 'protocol', (socket: Socket) => socket.end('x'.repeat(10_000))],
    ['http', 'protocol', (socket: Socket) => socket.end('pong pass\n')],
    ['http', 'bad-status', (socket: Socket) => socket.end('HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n')],
    ['http', 'bad-body', (socket: Socket) => socket.end(`HTTP/1.1 200 X\r\n\r\n${'x'.repeat(1_100_000)}`)],
  ] as const)('with %s reports %s for an unexpected response', async (prober, reason, talk) => {
    const port = await peer((socket) => {
      socket.once('data', () => talk(socket));
    });
    expect((await ask(port, { prober })).failure?.reason).toBe(reason);
  });

  it('reports a refused connection, and an unknown name', async () => {
    const port = await peer(() => {});
    closing.pop()?.();
    expect((await ask(port, { prober: 'pongcheck' })).failure?.reason).toBe('refused');
    const lost = await probe({ host: 'nowhere.invalid', port: 1 }, { prober: 'tcp' }, 5000);
    expect(lost.failure?.reason).toBe('dns');
    expect(lost.log.join('\n')).toContain('resolved nowhere.invalid in');
  });

  it('reports a peer without TLS', async () => {
    const { pong } = await serve();
    expect((await ask(pong, { prober: 'pongcheck', tls: {} })).failure?.reason).toBe('tls');
  });
});
