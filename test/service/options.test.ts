import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { connect } from '../../src/client.js';
import { createService } from '../../src/index.js';
import type { ServiceOptions } from '../../src/service.js';
import { compiledPackage } from '../cli/compiled.js';

const quiet = { listen: [{ url: 'pong://127.0.0.1:0' }], http: false } as const;

describe('createService', () => {
  it.each<[object, string]>([
    [{ chekcs: {} }, 'chekcs is no option; allowed: checks, listen'],
    [{ ping: { timout: 5 } }, 'ping.timout is no option; allowed: timeout, maxTimeout, staleLimit'],
    [{ ping: { timeout: '2s' } }, 'ping.timeout is "2s"; allowed: a number from 0'],
    [{ limits: { pingsPerSecond: -5 } }, 'limits.pingsPerSecond is -5; allowed: a number from 0'],
    [{ heartbeat: { idleTimeout: Number.NaN } }, 'heartbeat.idleTimeout is NaN; allowed'],
    [{ drain: 5 }, 'drain is 5; allowed: an object with grace, delay'],
    [{ http: '127.0.0.1:80' }, 'http is "127.0.0.1:80"; allowed: an object with host, port, tls'],
    [{ http: { maxConnections: 0 } }, 'http.maxConnections is 0; allowed: a number from 1'],
    [{ http: { maxConnectionsPerAddress: '5' } }, 'http.maxConnectionsPerAddress is "5"; allowed: a number from 0'],
    [{ http: { maxConnection: 5 } }, 'http.maxConnection is no option; allowed: host, port, tls, maxConnections'],
    [{ detail: 'x' }, 'detail is "x"; allowed: loopback, always, token, never'],
    [{ listen: 'pong://127.0.0.1:0' }, 'listen is "pong://127.0.0.1:0"; allowed: a list'],
    [{ serviceId: 'x'.repeat(70_000) }, `serviceId is "${'x'.repeat(80)}"; allowed: a text of 1 to 1024 characters`],
    [{ serviceId: '' }, 'serviceId is ""; allowed: a text of 1 to 1024 characters on one line'],
    [{ serviceId: 'a\nb' }, 'serviceId is "a\\nb"; allowed: a text'],
    [{ releaseId: 12n }, 'releaseId is 12; allowed: a text'],
    [{ releaseId: {} }, 'releaseId is an object; allowed: a text'],
    [{ heartbeat: { pingData: { at: 1n } } }, 'heartbeat.pingData is an unknown number of octets as JSON; allowed'],
    [{ listen: ['pong://127.0.0.1:0'] }, 'listen is a list; allowed: a list such as [{ url:'],
  ])('refuses %j', (options, message) => {
    expect(() => createService(options as ServiceOptions)).toThrow(
      expect.objectContaining({ code: 'PONGCHECK_CONFIG', message: expect.stringContaining(message) }),
    );
  });

  it('makes what reports in full, whatever its texts and the values of its checks are', async () => {
    const circle: Record<string, unknown> = { at: 1n };
    circle.self = circle;
    const service = createService({
      ...quiet,
      serviceId: '\\'.repeat(1024),
      releaseId: '"'.repeat(1024),
      checks: {
        big: () => ({ status: 'pass', observedValue: { lag: 12n, of: [1n] } }),
        circle: () => ({ status: 'warn', observedValue: circle, output: 10n }),
        ...Object.fromEntries(
          Array.from({ length: 300 }, (_, i) => [`c${i}`, () => ({ status: 'fail', output: '"'.repeat(300) })]),
        ),
      },
    });
    await service.start();
    const client = await connect(service.addresses[0] as string);
    const { truncated, report } = await client.ping({ detail: true });
    expect([truncated, report?.causes?.length]).toEqual([true, expect.any(Number)]);
    const one = await client.ping({ detail: true, checks: ['big', 'circle'] });
    expect(one).toMatchObject({ truncated: false, status: 'warn' });
    expect(one.report?.checks).toMatchObject({
      big: [{ state: 'pass', observedValue: '{"lag":"12","of":["1"]}' }],
      circle: [{ state: 'warn', observedValue: 'an object that JSON cannot tell', output: '10' }],
    });
    await client.close();
    await service.stop();
  });

  it('makes what starts once, and goes on when it is started again', async () => {
    const service = createService({ ...quiet });
    await service.start();
    const { addresses } = service;
    await expect(service.start()).rejects.toMatchObject({ code: 'PONGCHECK_STARTED' });
    expect(service.addresses).toEqual(addresses);
    await service.stop();
    await expect(service.start()).rejects.toMatchObject({ code: 'PONGCHECK_STARTED' });
  });

  it('makes what stops although a check hangs and nothing else keeps the process alive', async () => {
    const index = pathToFileURL(`${compiledPackage()}/dist/index.js`).href;
    const script = `
      const { createService } = await import(${JSON.stringify(index)});
      const service = createService({ checks: { hangs: () => new Promise(() => {}) }, listen: [{ url: 'pong://127.0.0.1:0' }], http: false });
      await service.start();
      await service.stop();
      console.log('stopped');`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('stopped\n');
  });
});
