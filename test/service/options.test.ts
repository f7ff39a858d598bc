import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { connect } from '../../src/client.js';
import { createService } from '../../src/index.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { compiledPackage } from '../cli/compiled.js';
import { FakeClock } from '../fake-clock.js';

const quiet = { listen: [{ url: 'pong://127.0.0.1:0' }], http: false } as const;

/** Has no keys, because `grace` belongs to its prototype. */
class Drain {
  get grace() {
    return 5000;
  }
}

/** A service with one probe module. */
const module = (options: object) => ({ probe: { targets: ['h:1'], modules: { x: { prober: 'http', ...options } } } });

// A failing test must leave nothing open, because that would be reported instead of the failure.
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe('createService', () => {
  it.each<[object, string]>([
    [{ chekcs: {} }, 'chekcs is not a known option; did you mean checks?'],
    [{ nonsense: {} }, 'nonsense is not a known option; allowed: listen, http'],
    [{ ping: { timout: 5 } }, 'ping.timout is not a known option; did you mean timeout?'],
    [{ ping: { timeout: '2s' } }, 'ping.timeout is "2s"; allowed: milliseconds, a whole number from 0 to 3600000'],
    [{ ping: { timeout: 20_000 } }, 'ping.timeout is 20s; allowed: at most ping.maxTimeout, 10s'],
    [{ ping: { timeout: Number.POSITIVE_INFINITY } }, 'ping.timeout is Infinity; allowed'],
    [{ limits: { pingsPerSecond: -5 } }, 'limits.pingsPerSecond is -5; allowed: a whole number from 0'],
    [{ limits: { pingsPerSecond: 0.5 } }, 'limits.pingsPerSecond is 0.5; allowed: a whole number from 0'],
    [{ limits: { maxPending: 0 } }, 'limits.maxPending is 0; allowed: a whole number from 1'],
    [{ limits: { maxPending: 1.5 } }, 'limits.maxPending is 1.5; allowed: a whole number from 1'],
    [{ limits: { maxQueuedBytes: 0 } }, 'limits.maxQueuedBytes is 0; allowed: bytes, a whole number from 65536'],
    [{ limits: { frameTimeout: 1e12 } }, 'limits.frameTimeout is 1000000000000; allowed'],
    [{ heartbeat: { idleTimeout: Number.NaN } }, 'heartbeat.idleTimeout is NaN; allowed'],
    [
      { heartbeat: { pingData: [] } },
      'heartbeat.pingData is an empty list; allowed: an object of at most 1024 bytes as JSON',
    ],
    [
      { heartbeat: { pingData: { a: Array.from({ length: 32 }).reduce((inner) => [inner], 1) } } },
      'heartbeat.pingData is an object; allowed: an object of at most 1024 bytes as JSON (more than 32 levels)',
    ],
    [
      { heartbeat: { pingData: { a: '\ud800' } } },
      'heartbeat.pingData is an object; allowed: an object of at most 1024 bytes as JSON (half of a surrogate pair)',
    ],
    [{ serviceId: 'a\udc00' }, 'serviceId is "a\\u{dc00}"; allowed: a string of 1 to 1024 characters on one line'],
    [{ drain: 5 }, 'drain is 5; allowed: a map with grace, delay'],
    [Promise.resolve({}), 'the argument is an instance of Promise; allowed: a map with listen'],
    [{ drain: new Map([['grace', -1]]) }, 'drain is an instance of Map; allowed: a map with grace, delay'],
    [{ drain: new Drain() }, 'drain is an instance of Drain; allowed: a map with grace, delay'],
    [{ checks: new Map([['a', () => false]]) }, 'checks is an instance of Map; allowed: a map'],
    [{ heartbeat: { pingData: new Date() } }, 'heartbeat.pingData is an instance of Date; allowed: an object'],
    [{ checks: { db: 'a-secret' } }, 'checks.db is a string; allowed: a function, or an object with a function `run`'],
    // biome-ignore lint/suspicious/noSparseArray: the value under test
    [{ listen: [, { url: 'pong://h' }] }, 'listen[0] is missing; allowed: a map with url, '],
    // biome-ignore lint/suspicious/noSparseArray: the value under test
    [{ probe: { targets: ['h:1'], modules: { x: { prober: 'pongcheck', checks: ['a', ,] } } } }, 'checks is a list'],
    [
      { listen: [{ url: 'pong://h:1' }, { url: 'pongs://h:1', tls: { cert: 'c', key: 'k' } }] },
      'listen[1].url is h:1; allowed: another address than listen[0].url',
    ],
    [
      { listen: [{ url: 'pong+unix:/a' }, { url: 'pong+unix:/a' }] },
      'listen[1].url is /a; allowed: another address than listen[0].url',
    ],
    [{ http: { port: 7464 } }, 'http is 127.0.0.1:7464; allowed: another address than listen[0].url'],
    [{ grpc: { port: 7664 } }, 'grpc is 127.0.0.1:7664; allowed: another address than http'],
    [{ drain: { delay: 20_000 } }, 'drain.delay is 20s; allowed: at most drain.grace, 10s'],
    [{ http: '127.0.0.1:80' }, 'http is "127.0.0.1:80"; allowed: { host, port } or false'],
    [{ http: { port: 'abc' } }, 'http.port is "abc"; allowed: a whole number from 0 to 65535'],
    [{ http: { port: 99_999 } }, 'http.port is 99999; allowed: a whole number from 0 to 65535'],
    [{ serviceId: 5 }, 'serviceId is 5; allowed: a string'],
    [{ detail: 'x' }, 'detail is "x"; allowed: one of loopback, always, token, never'],
    [{ listen: 'pong://127.0.0.1:0' }, 'listen is "pong://127.0.0.1:0"; allowed: a list'],
    [{ listen: ['pong://127.0.0.1:0'] }, 'listen[0] is "pong://127.0.0.1:0"; allowed: a map with url, '],
    [{ listen: [{ url: 'nonsense://x' }] }, 'listen[0].url is "nonsense://x"; allowed: pong://HOST:PORT'],
    [{ listen: [{ url: 'pong://h', idleTimeout: '5s' }] }, 'listen[0].idleTimeout is "5s"; allowed: milliseconds'],
    [{ listen: [{ url: 'pong://h', idleTimout: 5 }] }, 'listen[0].idleTimout is not a known option; did you mean'],
    [{ listen: [{ url: 'pong://h', keepAlive: { count: -3 } }] }, 'listen[0].keepAlive.count is -3; allowed'],
    [{ listen: [{ url: 'pong://h', keepAlive: { foo: 1 } }] }, 'listen[0].keepAlive.foo is not a known option'],
    [{ listen: [{ url: 'pongs://h' }] }, 'listen[0].tls is missing: pongs://h:7464 requires a certificate'],
    [{ listen: [{ url: 'pong://h', mode: 0o600 }] }, 'listen[0].mode requires a Unix socket; found pong://h:7464'],
    [
      { listen: [{ url: 'pong+unix:/run/p', keepAlive: { count: 2 } }] },
      'listen[0].keepAlive requires a TCP address; found pong+unix:/run/p',
    ],
    [
      { listen: [{ url: 'pong+unix:/run/p', proxyProtocol: { from: ['::1'] } }] },
      'listen[0].proxyProtocol requires a TCP address; found pong+unix:/run/p',
    ],
    [
      { tokens: Array.from({ length: 17 }, (_, i) => `a-right-token-0123456${i}`) },
      'tokens is a list; allowed: a list of 1 to 16 strings of 16 to 1024 of A-Z a-z 0-9 . _ ~ + / -, = at the end (17 elements)',
    ],
    [module({ path: 'ready' }), 'probe.modules.x.path is "ready"; allowed: a path such as /health'],
    [module({ path: '/a b' }), 'probe.modules.x.path is "/a b"; allowed: a path such as /health'],
    [module({ checks: [] }), 'probe.modules.x.checks is an empty list; allowed: a list of 1 to 32 names'],
    [
      module({ checks: Array.from({ length: 33 }, (_, i) => `c${i}`) }),
      'probe.modules.x.checks is a list; allowed: a list of 1 to 32 names',
    ],
    [
      module({ group: 'g', checks: ['a'] }),
      'probe.modules.x.group and probe.modules.x.checks are both given; allowed: one of them',
    ],
    [module({ tls: { cert: 'PEM' } }), 'probe.modules.x.tls.key is missing; allowed: cert and key together'],
    [{ probe: { targetz: [] } }, 'probe.targetz is not a known option; did you mean targets?'],
    [{ checks: { db: 5 } }, 'checks.db is a number; allowed: a function, or an object with a function `run`'],
    [
      { checks: { db: { kind: 'x', run() {}, timeout: 2e9 } } },
      'checks.db.timeout is 2000000000; allowed: milliseconds',
    ],
    [
      { checks: { db: { kind: 'x', run() {}, rise: 5000 } } },
      'checks.db.rise is 5000; allowed: a whole number from 1 to 1000',
    ],
    [{ log: {} }, 'log is an object; allowed: an object with debug(), info(), warn(), error() (debug() is missing)'],
    [{ serviceId: 'x'.repeat(70_000) }, `serviceId is "${'x'.repeat(60)}…"; allowed: a string of 1 to 1024 characters`],
    [{ serviceId: '' }, 'serviceId is ""; allowed: a string of 1 to 1024 characters on one line'],
    [{ serviceId: 'a\nb' }, 'serviceId is "a b"; allowed: a string'],
    [{ releaseId: 12n }, 'releaseId is a BigInt; allowed: a string'],
    [{ releaseId: {} }, 'releaseId is an object; allowed: a string'],
    [
      { heartbeat: { pingData: { at: 1n } } },
      'heartbeat.pingData is an object; allowed: an object of at most 1024 bytes',
    ],
    [{ http: { maxConnections: 0 } }, 'http.maxConnections is 0; allowed: a whole number from 1'],
    [{ threads: 17 }, 'threads is 17; allowed: a whole number from 0 to 16'],
    [{ threads: 1, clock: new FakeClock() }, 'threads is 1; allowed with clock: 0'],
    [
      { loop: { livenessStall: 1999 } },
      'loop.livenessStall is 1999ms; allowed: 0, or at least loop.readinessStall, 2s',
    ],
    [{ drain: { grace: Number.POSITIVE_INFINITY } }, 'drain.grace is Infinity; allowed: milliseconds'],
  ])('refuses %p', (options, message) => {
    expect(() => createService(options as ServiceOptions)).toThrow(
      expect.objectContaining({ code: 'PONGCHECK_CONFIG', message: expect.stringContaining(message) }),
    );
  });

  it.each<[string, () => Promise<object> | object]>([
    ['the namespace of a module', () => import(`data:text/javascript,${'export const grace = 0.5;'}`)],
    [
      'an instance with keys',
      () =>
        new (class {
          grace = 0.5;
        })(),
    ],
    ['an object with a tag', () => ({ grace: 0.5, [Symbol.toStringTag]: 'Drain' })],
    ['an object without a prototype', () => Object.assign(Object.create(null), { grace: 0.5 })],
    ['an object from another realm', () => runInNewContext('({ grace: 0.5 })')],
  ])('validates the options in %s', async (_, given) => {
    const drain = (await given()) as ServiceOptions['drain'] & object;
    expect(() => createService({ drain })).toThrow('drain.grace is 0.5; allowed: milliseconds');
  });

  it('creates a service whose report is complete with any texts and values of checks', async () => {
    const circle: Record<string, unknown> = { at: 1n };
    circle.self = circle;
    const service = createService({
      ...quiet,
      serviceId: '\\'.repeat(1024),
      releaseId: '"'.repeat(1024),
      checks: {
        big: () => ({ status: 'pass', observedValue: { lag: 12n, of: [1n] } }),
        circle: () => ({ status: 'warn', observedValue: circle, output: 10n as never }),
        ...Object.fromEntries(
          Array.from({ length: 300 }, (_, i) => [`c${i}`, () => ({ status: 'fail', output: '"'.repeat(300) })]),
        ),
      },
    });
    closing.push(() => service.stop());
    await service.start();
    const client = await connect(service.addresses[0] as string);
    closing.push(() => client.close());
    const { truncated, report } = await client.ping({ detail: true });
    expect([truncated, report?.causes?.length]).toEqual([true, expect.any(Number)]);
    const one = await client.ping({ detail: true, checks: ['big', 'circle'] });
    expect(one).toMatchObject({ truncated: false, status: 'warn' });
    expect(one.report?.checks).toMatchObject({
      big: [{ state: 'pass', observedValue: { lag: '12', of: '["1"]' } }],
      circle: [{ state: 'warn', observedValue: 'an object that cannot be serialized', output: '10' }],
    });
  });

  it.each<[object, string]>([
    [{ idle: '60s', close: true }, 'idle is "60s"; allowed: milliseconds, a whole number'],
    [{ idle: -1, close: true }, 'idle is -1; allowed: milliseconds, a whole number'],
    [{ idel: 60_000, close: true }, 'idel is not a known option; did you mean idle?'],
    [{ close: 'no' }, 'close is "no"; allowed: true or false (did you mean false?)'],
  ])('creates a service whose heartbeat refuses %j', async (options, message) => {
    await expect(createService({ ...quiet }).heartbeat(options)).rejects.toMatchObject({
      code: 'PONGCHECK_CONFIG',
      message,
    });
  });

  it('creates a service that starts once, and keeps running after a second start', async () => {
    const service = createService({ ...quiet });
    closing.push(() => service.stop());
    await service.start();
    const { addresses } = service;
    await expect(service.start()).rejects.toMatchObject({ code: 'PONGCHECK_STARTED' });
    expect(service.addresses).toEqual(addresses);
    await service.stop();
    await expect(service.start()).rejects.toMatchObject({ code: 'PONGCHECK_STARTED' });
  });

  it('creates a service that stops even if a check hangs and nothing else keeps the process alive', async () => {
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
