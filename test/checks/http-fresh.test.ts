import dns from 'node:dns';
import { createServer } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type HttpOptions, httpCheck } from '../../src/checks/http/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { FakeClock } from '../fake-clock.js';
import { HttpService } from '../live/http-service.js';
import { runCheck } from '../live/run-check.js';
import { connectionTimes, spreadTimes } from './connection-times.js';

describe('the new connections of an http check', () => {
  let service: HttpService;
  let clock: FakeClock;
  const closing: (() => unknown)[] = [];
  const check = (options: Partial<HttpOptions> = {}, its = clock): CheckDefinition => {
    const definition = httpCheck({ url: service.url(), timeout: 2000, ...options }, its);
    closing.push(() => definition.close?.());
    return definition;
  };
  beforeEach(async () => {
    clock = new FakeClock();
    jest.spyOn(Math, 'random').mockReturnValue(0);
    service = await HttpService.start();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const close of closing.splice(0).reverse()) await close();
    await service.stop();
  });

  const connectionsFallTo = async (count: number) => {
    while (service.connections > count) await new Promise((resolve) => setImmediate(resolve));
  };

  it('are made every 10 s at different times, and take the place of the old', async () => {
    expect(await connectionTimes((its) => check({}, its), service)).toEqual(spreadTimes);
    await connectionsFallTo(2);
  });

  it('are also made if a redirect leads to another service', async () => {
    const first = await HttpService.start();
    closing.push(() => first.stop());
    first.mode = (_, response) => response.writeHead(302, { location: service.url() }).end();
    const options = { url: first.url(), redirects: 1 };
    expect(await connectionTimes((its) => check(options, its), service)).toEqual(spreadTimes);
    await connectionsFallTo(2);
  });

  it('show that the service accepts none any more, although the kept one still answers', async () => {
    const answering = createServer((_, response) => response.end('ok'));
    await new Promise<void>((resolve) => answering.listen(0, '127.0.0.1', resolve));
    closing.push(() => answering.closeAllConnections());
    const definition = check({ url: `http://127.0.0.1:${(answering.address() as { port: number }).port}/` });
    expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
    // The method of the HTTP server would close the kept connection.
    TcpServer.prototype.close.call(answering);
    clock.jump(5000);
    expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
    clock.jump(5001);
    for (let run = 0; run < 3; run++) {
      expect(await runCheck(definition)).toMatchObject({ status: 'fail', reason: 'refused' });
      clock.jump(1000);
    }
  });

  it('follow the name to another address', async () => {
    let address = '127.0.0.1';
    const moved = createServer((_, response) => response.writeHead(503).end());
    await new Promise<void>((resolve) => moved.listen(service.port, '127.0.0.2', resolve));
    closing.push(() => moved.close().closeAllConnections());
    const lookup = jest
      .spyOn(dns, 'lookup')
      .mockImplementation(((_name: string, options: dns.LookupOptions, done: Done) =>
        options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)) as never);
    closing.push(() => lookup.mockRestore());
    const definition = check({ url: `http://service.test:${service.port}/` });
    expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
    address = '127.0.0.2';
    clock.jump(4000);
    expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
    clock.jump(4000);
    expect(await runCheck(definition)).toMatchObject({ status: 'fail', observedValue: 503 });
  });

  it('are not kept for services that earlier redirects led to', async () => {
    const services = await Promise.all(Array.from({ length: 5 }, () => HttpService.start()));
    closing.push(() => Promise.all(services.map((each) => each.stop())));
    let next = 0;
    service.mode = (_, response) => {
      response.writeHead(302, { location: services[next++ % 5]?.url() }).end();
    };
    const definition = check({ redirects: 1 });
    for (let run = 0; run < 20; run++) expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
    const open = () => services.reduce((sum, each) => sum + each.connections, 0);
    while (open() > 1) await new Promise((resolve) => setImmediate(resolve));
  });
});

type Done = (error: null, address: unknown, family?: number) => void;
