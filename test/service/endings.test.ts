import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { connect as connectClient } from '../../src/client.js';
import { createService, type Service } from '../../src/service/service.js';
import { compiledPackage } from '../cli/compiled.js';
import { FakeClock } from '../fake-clock.js';
import { Authority } from '../live/certificate.js';
import { whenClosed } from '../when-closed.js';

const authority = new Authority();
const own = authority.issue();
afterAll(() => authority.remove());

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

describe('start, drain and stop', () => {
  it('settle in any order and number, in a process with nothing else to keep it alive', async () => {
    // All calls in a word are made at the same time. "|" awaits the previous calls.
    const words = ['start', 'drain', 'stop'];
    const pairs = words.flatMap((a) => words.flatMap((b) => [`${a} ${b}`, `${a} | ${b}`]));
    const triples = words.flatMap((a) => words.flatMap((b) => words.map((c) => `${a} ${b} ${c}`)));
    const script = `
      import { createService } from ${JSON.stringify(join(compiledPackage(), 'dist', 'index.js'))};
      for (const listen of [[], [{ url: 'pong://127.0.0.1:0' }]]) {
        await Promise.all(${JSON.stringify([...words, ...pairs, ...triples, 'start | drain stop | stop drain'])}.map(async (plan) => {
          const service = createService({ listen, http: false, drain: { grace: 200, delay: 100 } });
          for (const part of plan.split(' | ')) await Promise.allSettled(part.split(' ').map((call) => service[call]()));
          await service.stop();
          if (service.addresses.length > 0) console.log(plan, 'still listens');
        }));
      }
      console.log('settled');`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect((await run).stdout).toBe('settled\n');
  });

  it('keep the process alive in between, even while the only PING thread is being restarted', async () => {
    const script = `
      import { createService } from ${JSON.stringify(join(compiledPackage(), 'dist', 'index.js'))};
      const service = createService({ threads: 1, listen: [{ url: 'pong://127.0.0.1:0' }], http: false });
      await service.start();
      const [thread] = service.server.threads;
      await thread.worker.terminate();
      const looking = setInterval(() => {
        if (!thread.isRunning || !service.addresses.length) return;
        clearInterval(looking);
        console.log('started again');
        void service.stop();
      }, 10).unref();`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect((await run).stdout).toBe('started again\n');
  });

  it('do not crash with keepAlive on PING threads, even if one of them ends', async () => {
    const script = `
      import { createService } from ${JSON.stringify(join(compiledPackage(), 'dist', 'index.js'))};
      const listen = [{ url: 'pong://127.0.0.1:0', keepAlive: { idle: 5000 } }];
      const service = createService({ threads: 1, listen, http: false });
      await service.start();
      await service.server.threads[0].worker.terminate();
      await service.stop();
      console.log('stopped');`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect((await run).stdout).toBe('stopped\n');
  });

  it('leave nothing open if stop is called while listeners are being opened', async () => {
    const service = createService({
      listen: [{ url: 'pong://localhost:0' }, { url: 'pong://127.0.0.1:0' }],
      http: false,
    });
    const started = service.start();
    await service.stop();
    await started;
    expect(service.addresses).toEqual([]);
    await expect(service.start()).rejects.toMatchObject({ code: 'PONGCHECK_STARTED' });
  });

  it('accept the maximum times', async () => {
    const day = 86_400_000;
    const service = createService({
      listen: [{ url: 'pong://127.0.0.1:0' }],
      http: false,
      heartbeat: { idleTimeout: day, pingInterval: day },
      ping: { staleLimit: day },
      startup: { grace: day },
      drain: { grace: 3_600_000, delay: 0 },
      checks: { own: { kind: 'function', interval: day, run: async () => ({ status: 'pass' }) } },
    });
    await service.start();
    const client = await connectClient(service.addresses[0] as string);
    expect(await client.hello()).toMatchObject({ idleTimeoutMs: day });
    expect(await client.ping({ maxAge: 10 })).toMatchObject({ healthy: true });
    const goaway = once(client, 'goaway');
    const drained = service.drain();
    expect((await goaway)[0]).toMatchObject({ graceMs: expect.any(Number) });
    await client.close();
    await drained;
  });
});

describe('stop with an HTTP connection that', () => {
  const tls = { cert: own.cert, key: own.key };
  const cases: [string, object, Buffer | string][] = [
    ['nothing was sent', {}, ''],
    ['nothing was sent, with TLS', { tls }, ''],
    ['half a request was sent', {}, 'GET /livez HTTP/1.1\r\nHo'],
    ['half a ClientHello was sent', { tls }, Buffer.from('160301020001', 'hex')],
    ['half a body was sent', {}, 'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf'],
  ];
  it.each(cases)('%s takes at most a second', async (_what, options, said) => {
    const clock = new FakeClock();
    const service: Service = createService({ clock, listen: [], http: { port: 0, ...options } });
    await service.start();
    const socket = connect(Number(new URL(service.httpAddress as string).port), '127.0.0.1').on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(said);
    // When another connection has been accepted, this one has been accepted too.
    await fetch(`${service.httpAddress}/livez`).catch(() => {});
    const closed = whenClosed(socket.resume());
    expect(await clock.advanceUntil(service.stop())).toBeLessThan(2000);
    await closed;
  });
});
