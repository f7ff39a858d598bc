import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Flags } from '../../src/config/environment.js';
import { readConfiguration } from '../../src/config/load.js';
import { optionRows } from '../../src/options/table.js';
import { defaultServerSettings } from '../../src/server/settings.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pongcheck-read-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(content: string): Promise<string> {
  const file = join(folder, 'pongcheck.yml');
  await writeFile(file, content);
  return file;
}

interface Said {
  file?: string;
  env?: Record<string, string>;
  flags?: Flags;
}

async function configuration({ file, env = {}, flags = {} }: Said) {
  const path = file === undefined ? undefined : await fileOf(file);
  return readConfiguration({ file: path, env, flags });
}

const read = async (said: Said) => (await configuration(said)).settings;
const warnings = async (said: Said) => (await configuration(said)).warnings;

/** The lines of the error, with the file name without its folder. */
async function problems(said: Said): Promise<string[]> {
  try {
    await read(said);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    expect(code).toBe('PONGCHECK_CONFIG');
    return message.replaceAll(`${folder}/`, '').split('\n');
  }
  throw new Error('nothing was refused');
}

describe('the configuration without any source', () => {
  it('has the loopback addresses, no checks, and the defaults of the library', async () => {
    const { limits, heartbeat, ping, detail, ...rest } = await read({});
    expect(defaultServerSettings).toMatchObject({ limits, heartbeat, ping, detail });
    expect(rest).toEqual({
      listen: [{ url: 'pong://127.0.0.1:7464' }],
      http: { host: '127.0.0.1', port: 7664, maxConnections: 1000, maxConnectionsPerAddress: 0 },
      grpc: false,
      checks: {},
      drain: { grace: 10_000, delay: 5000 },
      threads: 1,
      loop: { readinessStall: 2000, livenessStall: 10_000 },
      log: { level: 'info' },
    });
  });

  it('is the same with an empty file, and with a file with empty sections', async () => {
    const nothing = await read({});
    expect(await read({ file: '' })).toEqual(nothing);
    expect(await read({ file: 'limits:\nping:\nhttp:\nchecks:\n' })).toEqual(nothing);
  });
});

describe('a configuration file', () => {
  it('sets every option, with times in milliseconds and sizes in bytes', async () => {
    const settings = await read({
      file: `
listen: [{ url: 'pong://[::1]:1' }, { url: localhost }]
http: { port: 0 }
checks:
  db: { kind: mysql, url: 'mysql://u:p@h/x', timeout: 1.5s, maxAge: 0, interval: 1h, rise: 2, critical: false, groups: [a, b] }
  web: { kind: http, url: 'http://h/', headers: { a: 'b \${TIMEOUT:-c}' }, tls: { ca: ca.pem }, maxBody: 1MiB }
ping: { timeout: 1s, maxTimeout: 1m, staleLimit: 0 }
startup: { grace: 2m }
heartbeat: { idleTimeout: 0 }
threads: 0
loop: { readinessStall: 500ms, livenessStall: 0 }
limits: { maxPending: 7, maxQueuedBytes: 65536, pingsPerSecond: 0 }
drain: { grace: 1m, delay: 0 }
detail: never
serviceId: shop
log: { level: debug, pretty: false }
`,
    });
    expect(settings).toMatchObject({
      listen: [{ url: 'pong://[::1]:1' }, { url: 'pong://localhost:7464' }],
      http: { host: '127.0.0.1', port: 0, maxConnections: 1000, maxConnectionsPerAddress: 0 },
      checks: {
        db: {
          kind: 'mysql',
          url: 'mysql://u:p@h/x',
          timeout: 1500,
          maxAge: 0,
          interval: 3_600_000,
          rise: 2,
          critical: false,
          groups: ['a', 'b'],
        },
        web: {
          kind: 'http',
          url: 'http://h/',
          headers: { a: 'b c' },
          tls: { ca: join(folder, 'ca.pem') },
          maxBody: 1_048_576,
        },
      },
      ping: { timeout: 1000, maxTimeout: 60_000, staleLimit: 0 },
      startup: { grace: 120_000 },
      heartbeat: { idleTimeout: 0 },
      threads: 0,
      loop: { readinessStall: 500, livenessStall: 0 },
      limits: { maxPending: 7, maxQueuedBytes: 65_536, pingsPerSecond: 0, maxWatches: 64 },
      drain: { grace: 60_000, delay: 0 },
      detail: 'never',
      serviceId: 'shop',
      log: { level: 'debug', pretty: false },
    });
  });

  it('sets no defaults of a check, which has its own', async () => {
    const { checks } = await read({ file: 'checks: { db: { kind: mysql, url: "mysql://h" } }' });
    expect(checks).toEqual({ db: { kind: 'mysql', url: 'mysql://h' } });
  });

  it('may refer to environment variables, even for numbers and booleans', async () => {
    const settings = await read({
      file: `
checks:
  db: { kind: mysql, url: 'mysql://u:\${PASSWORD}@h', critical: '\${CRITICAL}', rise: '\${RISE:-3}', timeout: '\${TIMEOUT}' }
serviceId: '\${RISE:-3}'
`,
      env: { PASSWORD: 'p$1w', CRITICAL: 'false', TIMEOUT: '2s' },
    });
    expect(settings.checks).toEqual({
      db: { kind: 'mysql', url: 'mysql://u:p$1w@h', critical: false, rise: 3, timeout: 2000 },
    });
    expect(settings.serviceId).toBe('3');
  });

  it('is the base of relative paths, and passes extra options to a check of kind module', async () => {
    const { checks } = await read({
      file: 'checks: { own: { kind: module, path: "./own.js", deep: [{ x: "${X}" }], n: 1 } }',
      env: { X: 'y' },
    });
    expect(checks.own).toEqual({ kind: 'module', path: join(folder, 'own.js'), deep: [{ x: 'y' }], n: 1 });
  });

  it('can disable HTTP, and can set its address as one text', async () => {
    expect((await read({ file: 'http: false' })).http).toBe(false);
    expect((await read({ file: 'http: "[::1]:80"' })).http).toMatchObject({ host: '::1', port: 80 });
    expect((await read({ file: 'grpc: {}' })).grpc).toMatchObject({ host: '127.0.0.1', port: 7864 });
  });

  it('that sets only a shorter grace has a shorter delay as well', async () => {
    expect((await read({ file: 'drain: { grace: 2s }' })).drain).toEqual({ grace: 2000, delay: 2000 });
  });

  it('accepts a check with the name of a JavaScript property', async () => {
    const { checks } = await read({ file: 'checks: { __proto__: { kind: mysql, url: "mysql://h" } }' });
    expect(Object.keys(checks)).toEqual(['__proto__']);
  });
});

describe('file < environment < flags', () => {
  const file = 'listen: [{ url: "pong://f:1" }]\nhttp: { host: f, port: 2 }\nlog: { level: error }\ndetail: never\n';

  it('the environment overrides the file', async () => {
    const env = { PONGCHECK_LISTEN: 'pong://e:2, e2', PONGCHECK_HTTP: 'e:3', PONGCHECK_LOG_LEVEL: 'warn' };
    expect(await read({ file, env })).toMatchObject({
      listen: [{ url: 'pong://e:2' }, { url: 'pong://e2:7464' }],
      http: { host: 'e', port: 3 },
      log: { level: 'warn' },
      detail: 'never',
    });
  });

  it('flags override both', async () => {
    const env = {
      PONGCHECK_LISTEN: 'pong://e:2',
      PONGCHECK_HTTP: 'e:2',
      PONGCHECK_THREADS: '1',
      PONGCHECK_LOG_LEVEL: 'warn',
    };
    const flags = {
      listen: ['pong://g:3', 'g2'],
      http: 'false',
      grpc: '[::1]:3',
      threads: '0',
      'log-level': 'trace',
      'log-pretty': true,
    };
    expect(await read({ file, env, flags })).toMatchObject({
      listen: [{ url: 'pong://g:3' }, { url: 'pong://g2:7464' }],
      http: false,
      grpc: { host: '::1', port: 3 },
      threads: 0,
      log: { level: 'trace', pretty: true },
    });
  });

  it('an empty variable is ignored', async () => {
    const env = { PONGCHECK_LISTEN: '', PONGCHECK_DETAIL: '', MYSQL_URL: '', PONGCHECK_CONFIG: '' };
    expect(await read({ file, env })).toMatchObject({ listen: [{ url: 'pong://f:1' }], detail: 'never', checks: {} });
  });

  it('every option with a variable is set by it', async () => {
    const texts: Record<string, string> = {
      duration: '7s',
      bytes: '128KiB',
      integer: '77',
      boolean: 'true',
      text: 'a text',
      addresses: 'pong://x:1',
      endpoint: 'x:0',
      tokens: 'a-right-token-0123456789',
    };
    const rows = optionRows.filter(({ env }) => env !== undefined);
    const env = {
      ...Object.fromEntries(rows.map(({ env, type, values }) => [env, values?.at(-1) ?? texts[type.name]])),
      PONGCHECK_THREADS: '0',
    };
    expect(await read({ env: env as Record<string, string> })).toEqual({
      listen: [{ url: 'pong://x:1' }],
      http: { host: 'x', port: 0, maxConnections: 1000, maxConnectionsPerAddress: 0 },
      grpc: { host: 'x', port: 0, maxConnections: 1000, maxConnectionsPerAddress: 0 },
      checks: {},
      ping: { timeout: 7000, maxTimeout: 7000, staleLimit: 7000 },
      threads: 0,
      loop: { readinessStall: 7000, livenessStall: 7000 },
      heartbeat: { idleTimeout: 7000, pingInterval: 7000, maxPingsOut: 77 },
      limits: {
        frameTimeout: 7000,
        handshakeTimeout: 7000,
        maxHandshakes: 77,
        maxPending: 77,
        maxQueuedBytes: 131_072,
        stallTimeout: 7000,
        pingsPerSecond: 77,
        maxWatches: 77,
        maxWatchedSelections: 77,
        maxConnections: 77,
        maxConnectionsPerAddress: 77,
        ipv6Prefix: 77,
      },
      drain: { grace: 7000, delay: 7000 },
      detail: 'never',
      tokens: ['a-right-token-0123456789'],
      startup: { grace: 7000 },
      serviceId: 'a text',
      releaseId: 'a text',
      log: { level: 'silent', pretty: true },
    });
  });

  it('PONGCHECK_CONFIG names the file, unless a flag does', async () => {
    const named = await fileOf('serviceId: named');
    expect((await readConfiguration({ env: { PONGCHECK_CONFIG: named } })).settings.serviceId).toBe('named');
    await expect(readConfiguration({ file: '/nowhere.yml', env: { PONGCHECK_CONFIG: named } })).rejects.toThrow(
      '/nowhere.yml: does not exist',
    );
  });
});

describe('MYSQL_URL, REDIS_URL and SERVICE_URL', () => {
  it('each add a check', async () => {
    const env = { MYSQL_URL: 'mysql://u:p@h/x', REDIS_URL: 'redis://h', SERVICE_URL: 'http://h/health' };
    expect((await read({ env })).checks).toEqual({
      mysql: { kind: 'mysql', url: 'mysql://u:p@h/x' },
      redis: { kind: 'redis', url: 'redis://h' },
      service: { kind: 'http', url: 'http://h/health' },
    });
  });

  it('set the URL of the check with that name in the file, and keep its other options', async () => {
    const file = 'checks: { mysql: { kind: mysql, timeout: 2s }, redis: { kind: redis, url: "redis://f" } }';
    const { checks } = await read({ file, env: { MYSQL_URL: 'mysql://e', REDIS_URL: 'redis://e' } });
    expect(checks).toEqual({
      mysql: { kind: 'mysql', url: 'mysql://e', timeout: 2000 },
      redis: { kind: 'redis', url: 'redis://e' },
    });
  });

  it('are used literally: references to variables are not expanded', async () => {
    const { checks } = await read({ env: { MYSQL_URL: 'mysql://u:${X}@h' } });
    expect(checks.mysql).toEqual({ kind: 'mysql', url: 'mysql://u:${X}@h' });
  });

  it('are refused if the file sets another kind for that name', async () => {
    expect(
      await problems({ file: 'checks: { mysql: { kind: redis, url: "redis://h" } }', env: { MYSQL_URL: 'mysql://h' } }),
    ).toEqual(['MYSQL_URL requires the check mysql to be of kind mysql, but the file sets another kind']);
  });
});

describe('a variable that Kubernetes sets for a service of the same name', () => {
  it('is neither an option nor an unknown variable', async () => {
    const env = {
      PONGCHECK_SERVICE_HOST: '10.0.0.1',
      PONGCHECK_SERVICE_PORT: '7464',
      PONGCHECK_PORT: 'tcp://10.0.0.1:7464',
      PONGCHECK_PORT_7464_TCP_ADDR: '10.0.0.1',
      PONGCHECK_PORT_7464_TCP: 'tcp://10.0.0.1:7464',
      PONGCHECK_PORT_7464_TCP_PROTO: 'tcp',
      PONGCHECK_SERVICE_PORT_HTTP_METRICS: '7664',
      PONGCHECK_HTTP_PORT: 'tcp://10.0.0.1:7664',
      PONGCHECK_HTTP_SERVICE_HOST: '10.0.0.1',
      PONGCHECK_EU_PORT_53_UDP_ADDR: '10.0.0.1',
    };
    expect(await warnings({ env })).toEqual([]);
    for (const { env: name = '' } of optionRows) expect(name).not.toMatch(/_(HOST|PORT)(_|$)/);
  });
});

describe('an unknown variable PONGCHECK_...', () => {
  const help = ' and ignored; `pongcheck check-config --help` lists the variables';

  it.each([
    ['PONGCHECK_COLOUR', help],
    ['PONGCHECK_PORT', help],
    ['pongcheck_colour', help],
    [`PONGCHECK_${'X'.repeat(10)}`, help],
    ['PONGCHECK_HTTP_PORT', ' and ignored; set http.port in the file'],
    ['PONGCHECK_PROBE_MAX_CONCURRENT', ' and ignored; set probe.maxConcurrent in the file'],
  ])('%s causes a warning without its value', async (name, what) => {
    expect(await warnings({ env: { [name]: '8080' } })).toEqual([`"${name}" in the environment is unknown${what}`]);
  });

  it.each([
    ['PONGCHECK_LIMITS_MAX_PENDNG', 'PONGCHECK_LIMITS_MAX_PENDING'],
    ['PONGCHECK_DRIAN_GRACE', 'PONGCHECK_DRAIN_GRACE'],
    ['pongcheck_http', 'PONGCHECK_HTTP'],
    ['PONGCHECK_LOGLEVEL', 'PONGCHECK_LOG_LEVEL'],
    ['PONGCHECK_TOKENSS', 'PONGCHECK_TOKENS'],
  ])('%s is an issue, with the similar known name', async (name, meant) => {
    expect(await problems({ env: { [name]: '1' } })).toEqual([
      `"${name}" in the environment is unknown; did you mean ${meant}?`,
    ]);
  });

  it('is accepted if the file refers to it', async () => {
    const env = { PONGCHECK_HTTP_PORT: '8080', PONGCHECK_LISTN: 'pong://h:1' };
    const file = 'http: "0.0.0.0:${PONGCHECK_HTTP_PORT}"\nlisten: [{ url: "${PONGCHECK_LISTN:-pong://x}" }]';
    expect(await warnings({ file, env })).toEqual([]);
  });

  it('is not a variable of one of the commands', async () => {
    const env = { PONGCHECK_TOKEN: 'a-right-token-0123456789', PONGCHECK_CONFIG: '', PONGCHECK_DETAIL: 'never' };
    expect(await warnings({ env })).toEqual([]);
  });
});

describe('an invalid configuration', () => {
  const rules: [rule: string, said: Said, ...lines: string[]][] = [
    [
      'root-is-a-list',
      { file: '- a\n' },
      expect.stringMatching(/^pongcheck.yml: is a list; allowed: a map with listen, http, /) as never,
    ],
    [
      'unknown-key',
      { file: 'a: 1\n' },
      expect.stringMatching(/^pongcheck\.yml:1: a is not a known option; allowed: listen, http, /) as never,
    ],
    [
      'unknown-key-near-miss',
      { file: 'limit: {}\n' },
      'pongcheck.yml:1: limit is not a known option; did you mean limits?',
    ],
    [
      'unknown-key-in-section',
      { file: 'limits:\n  frameTimeout: 1s\n  max_pending: 1\n' },
      'pongcheck.yml:3: limits.max_pending is not a known option; did you mean maxPending?',
    ],
    [
      'unknown-key-of-check',
      { file: 'checks:\n  db: { kind: mysql, url: "mysql://h", tineout: 1s }\n' },
      'pongcheck.yml:2: checks.db.tineout is not a known option; did you mean timeout?',
    ],
    [
      'key-of-another-kind',
      { file: 'checks: { db: { kind: redis, url: "redis://h", expectBody: x } }' },
      expect.stringMatching(
        /^pongcheck\.yml:1: checks\.db\.expectBody is not a known option; allowed: kind, /,
      ) as never,
    ],
    [
      'section-is-a-number',
      { file: 'limits: 3' },
      expect.stringMatching(/^pongcheck.yml:1: limits is 3; allowed: a map with frameTimeout, /) as never,
    ],
    [
      'list-is-a-map',
      { file: 'listen: { url: "pong://h" }' },
      expect.stringMatching(/listen is an object; allowed: a list such as/) as never,
    ],
    [
      'element-without-url',
      { file: 'listen:\n  - {}\n' },
      'pongcheck.yml:2: listen[0].url is missing; allowed: pong://HOST:PORT or pongs://HOST:PORT, an IPv6 address in brackets, or pong+unix:/PATH',
    ],
    [
      'address-of-another-scheme',
      { file: 'listen: [{ url: "http://h:1" }]' },
      'pongcheck.yml:1: listen[0].url is "http://h:1"; allowed: pong://HOST:PORT or pongs://HOST:PORT, an IPv6 address in brackets, or pong+unix:/PATH',
    ],
    [
      'endpoint-without-port',
      { file: 'http: localhost' },
      'pongcheck.yml:1: http is "localhost"; allowed: HOST:PORT, { host, port } or false',
    ],
    [
      'port-too-large',
      { file: 'http: { port: 65536 }' },
      'pongcheck.yml:1: http.port is 65536; allowed: a whole number from 0 to 65535',
    ],
    [
      'grpc-without-port',
      { file: 'grpc: 127.0.0.1' },
      'pongcheck.yml:1: grpc is "127.0.0.1"; allowed: HOST:PORT, { host, port } or false',
    ],
    [
      'grpc-port',
      { file: 'grpc: { port: 65536 }' },
      'pongcheck.yml:1: grpc.port is 65536; allowed: a whole number from 0 to 65535',
    ],
    [
      'no-grpc-connections',
      { file: 'grpc: { maxConnections: 0 }' },
      'pongcheck.yml:1: grpc.maxConnections is 0; allowed: a whole number from 1 to 1000000',
    ],
    [
      'grpc-connections-per-address-below-zero',
      { file: 'grpc: { maxConnectionsPerAddress: -1 }' },
      'pongcheck.yml:1: grpc.maxConnectionsPerAddress is -1; allowed: a whole number from 0 to 1000000',
    ],
    [
      'grpc-key-without-certificate',
      { file: 'grpc: { tls: { key: k.pem } }' },
      'pongcheck.yml:1: grpc.tls.cert is missing; allowed: the path of a file',
    ],
    [
      'no-http-connections',
      { file: 'http: { maxConnections: 0 }' },
      'pongcheck.yml:1: http.maxConnections is 0; allowed: a whole number from 1 to 1000000',
    ],
    [
      'http-connections-per-address-below-zero',
      { file: 'http: { maxConnectionsPerAddress: -1 }' },
      'pongcheck.yml:1: http.maxConnectionsPerAddress is -1; allowed: a whole number from 0 to 1000000',
    ],
    [
      'duration-without-unit',
      { file: 'ping: { timeout: 800 }' },
      'pongcheck.yml:1: ping.timeout is 800; allowed: a duration such as 250ms, 2s, 1m or 1h from 0 to 1h (a unit is missing: 800ms, 800s)',
    ],
    [
      'duration-without-unit-in-quotes',
      { file: 'ping: { timeout: "800" }' },
      'pongcheck.yml:1: ping.timeout is "800"; allowed: a duration such as 250ms, 2s, 1m or 1h from 0 to 1h (a unit is missing: 800ms, 800s)',
    ],
    [
      'duration-allowed-with-one-unit',
      { file: 'ping: { timeout: 0.5 }\nlimits: { frameTimeout: 60000 }' },
      'pongcheck.yml:1: ping.timeout is 0.5; allowed: a duration such as 250ms, 2s, 1m or 1h from 0 to 1h (a unit is missing: 0.5s)',
      'pongcheck.yml:2: limits.frameTimeout is 60000; allowed: a duration such as 250ms, 2s, 1m or 1h from 1ms to 1h (a unit is missing: 60000ms)',
    ],
    [
      'duration-allowed-with-no-unit',
      { file: 'limits: { frameTimeout: 1000000000000 }' },
      'pongcheck.yml:1: limits.frameTimeout is 1000000000000; allowed: a duration such as 250ms, 2s, 1m or 1h from 1ms to 1h',
    ],
    [
      'bytes-out-of-range-with-the-right-unit',
      { file: 'limits: { maxQueuedBytes: 5GB }' },
      'pongcheck.yml:1: limits.maxQueuedBytes is "5GB"; allowed: a number of bytes such as 65536, 256KiB or 1MiB from 64KiB to 1GiB',
    ],
    [
      'integer-in-quotes-out-of-range',
      { file: 'limits: { maxPending: "0" }' },
      'pongcheck.yml:1: limits.maxPending is "0"; allowed: a whole number from 1 to 1000000',
    ],
    [
      'map-of-a-yaml-type',
      { file: 'limits: !!set { maxPending }\ndrain: !!omap [ grace: 1s ]\nserviceId: !!binary aGVsbG8=' },
      expect.stringMatching(/^pongcheck.yml:1: limits is an instance of Set; allowed: a map with /) as never,
      'pongcheck.yml:2: drain is an instance of Map; allowed: a map with grace, delay',
      'pongcheck.yml:3: serviceId is an instance of Buffer; allowed: a string of 1 to 1024 characters on one line',
    ],
    [
      'address-used-twice',
      { file: 'listen: [{ url: "pong://h:1" }, { url: "pong://h:1" }]\nhttp: h:1' },
      'pongcheck.yml:1: listen[1].url is h:1; allowed: another address than listen[0].url',
      'pongcheck.yml:2: http is h:1; allowed: another address than listen[0].url',
    ],
    [
      'variable-with-an-address-of-another-scheme',
      { env: { PONGCHECK_LISTEN: 'nonsense://x' } },
      'PONGCHECK_LISTEN is "nonsense://x"; allowed: a list such as [{ url: "pong://HOST:PORT" }], or addresses separated by commas',
    ],
    [
      'variable-with-a-line-break',
      { file: 'serviceId: ${ID}', env: { ID: 'a\n' } },
      'pongcheck.yml:1: serviceId is "${ID}"; allowed: a string of 1 to 1024 characters on one line',
    ],
    [
      'duration-not-a-number',
      { file: 'ping: { timeout: .nan }' },
      'pongcheck.yml:1: ping.timeout is NaN; allowed: a duration such as 250ms, 2s, 1m or 1h from 0 to 1h',
    ],
    [
      'duration-below-zero',
      { file: 'ping: { timeout: -1 }' },
      'pongcheck.yml:1: ping.timeout is -1; allowed: a duration such as 250ms, 2s, 1m or 1h from 0 to 1h',
    ],
    [
      'duration-out-of-range',
      { file: 'limits: { stallTimeout: 0 }' },
      'pongcheck.yml:1: limits.stallTimeout is 0; allowed: a duration such as 250ms, 2s, 1m or 1h from 1ms to 1h',
    ],
    [
      'bytes-of-a-wrong-unit',
      { file: 'limits: { maxQueuedBytes: 256kb }' },
      'pongcheck.yml:1: limits.maxQueuedBytes is "256kb"; allowed: a number of bytes such as 65536, 256KiB or 1MiB from 64KiB to 1GiB (did you mean 256KiB?)',
    ],
    [
      'integer-in-quotes',
      { file: 'limits: { maxPending: "5" }' },
      expect.stringMatching(/maxPending is "5"; allowed: .* \(without quotes\)$/) as never,
    ],
    [
      'integer-with-fraction',
      { file: 'limits: { maxPending: 1.5 }' },
      'pongcheck.yml:1: limits.maxPending is 1.5; allowed: a whole number from 1 to 1000000',
    ],
    [
      'boolean-as-yes',
      { file: 'log: { pretty: yes }' },
      'pongcheck.yml:1: log.pretty is "yes"; allowed: true or false (did you mean true?)',
    ],
    [
      'word-not-in-list',
      { file: 'detail: loopbak' },
      'pongcheck.yml:1: detail is "loopbak"; allowed: one of loopback, always, token, never (did you mean loopback?)',
    ],
    [
      'number-as-text',
      { file: 'serviceId: 12' },
      'pongcheck.yml:1: serviceId is 12; allowed: a string of 1 to 1024 characters on one line (in quotes)',
    ],
    [
      'text-with-line-break',
      { file: 'serviceId: "a\\nb"' },
      'pongcheck.yml:1: serviceId is "a b"; allowed: a string of 1 to 1024 characters on one line (in single quotes, YAML does not turn \\n into a line break)',
    ],
    [
      'one-of-a-list',
      { file: 'probe: { targets: ["a.example:1", "nonsense", "c.example:9"] }' },
      'pongcheck.yml:1: probe.targets is a list; allowed: a list of HOST:PORT, where HOST is a name, *.SUFFIX, an IP address or a network such as 10.0.0.0/8, and PORT may be * (element 2 is invalid)',
    ],
    [
      'one-secret-of-a-list',
      { env: { PONGCHECK_TOKENS: 'abcdefghijklmnopqrstuvwx,short' } },
      'PONGCHECK_TOKENS is a string; allowed: a list of 1 to 16 strings of 16 to 1024 of A-Z a-z 0-9 . _ ~ + / -, = at the end (element 2 is invalid)',
    ],
    [
      'value-missing',
      { file: 'detail:\n' },
      'pongcheck.yml:1: detail is null; allowed: one of loopback, always, token, never',
    ],
    [
      'check-without-kind',
      { file: 'checks: { db: { url: "mysql://h" } }' },
      expect.stringMatching(
        /^pongcheck\.yml:1: checks\.db has no kind; allowed: one of mysql, postgres, redis, http/,
      ) as never,
    ],
    [
      'check-of-unknown-kind',
      { file: 'checks: { db: { kind: mysq } }' },
      expect.stringMatching(/checks\.db\.kind is "mysq"; allowed: one of mysql, .* \(did you mean mysql\?\)$/) as never,
    ],
    [
      'check-is-a-text',
      { file: 'checks: { db: "mysql://u:hunter2@h" }' },
      expect.stringMatching(/checks\.db is a string; allowed: a map/) as never,
    ],
    [
      'check-without-url',
      { file: 'checks: { db: { kind: mysql } }' },
      expect.stringMatching(/checks\.db\.url is missing; allowed: a URL/) as never,
    ],
    [
      'check-name-with-space',
      { file: 'checks: { "a b": { kind: mysql, url: "mysql://h" } }' },
      'pongcheck.yml:1: checks["a b"] is not a valid name; allowed: 1 to 64 characters without white space, control characters and "="',
    ],
    [
      'groups-as-text',
      { file: 'checks: { db: { kind: mysql, url: "mysql://h", groups: startup } }' },
      expect.stringMatching(
        /checks\.db\.groups is "startup"; allowed: a list .* \(a list, such as \[a, b\]\)$/,
      ) as never,
    ],
    [
      'variable-not-set',
      { file: 'checks: { db: { kind: mysql, url: "${DB}" } }' },
      'pongcheck.yml:1: checks.db.url refers to the variable DB, which is not set; use ${DB:-default} for a default',
    ],
    [
      'variable-not-set-in-a-list',
      { file: 'tokens: ["${OLD}", "${NEW}"]', env: { OLD: 'a-right-token-0123456789' } },
      'pongcheck.yml:1: tokens[1] refers to the variable NEW, which is not set; use ${NEW:-default} for a default',
    ],
    [
      'variable-not-set-in-a-map',
      { file: 'checks: { w: { kind: http, url: "http://h", headers: { A: "${A}" } } }' },
      'pongcheck.yml:1: checks.w.headers.A refers to the variable A, which is not set; use ${A:-default} for a default',
    ],
    [
      'variable-of-wrong-type',
      { file: 'limits: { maxPending: "${N}" }', env: { N: 'hunter2' } },
      'pongcheck.yml:1: limits.maxPending is "${N}"; allowed: a whole number from 1 to 1000000',
    ],
    [
      'timeout-above-its-limit',
      { file: 'ping: { timeout: 20s }' },
      'pongcheck.yml:1: ping.timeout is 20s; allowed: at most ping.maxTimeout, 10s',
    ],
    [
      'delay-above-the-grace',
      { file: 'drain: { delay: 11s }' },
      'pongcheck.yml:1: drain.delay is 11s; allowed: at most drain.grace, 10s',
    ],
    [
      'contradiction-with-an-option-that-is-not-in-the-file',
      { file: 'ping: {}', env: { PONGCHECK_DETAIL: 'token' } },
      'detail is token, but tokens is empty',
    ],
    [
      'too-many-threads',
      { env: { PONGCHECK_THREADS: '17' } },
      'PONGCHECK_THREADS is "17"; allowed: a whole number from 0 to 16',
    ],
    [
      'liveness-stall-below-that-of-readiness',
      { file: 'loop: { readinessStall: 12s }' },
      'pongcheck.yml:1: loop.livenessStall is 10s; allowed: 0, or at least loop.readinessStall, 12s',
    ],
    [
      'stall-above-an-hour',
      { file: 'loop: { livenessStall: 61m }' },
      'pongcheck.yml:1: loop.livenessStall is "61m"; allowed: a duration such as 250ms, 2s, 1m or 1h from 0 to 1h',
    ],
    [
      'no-listener-at-all',
      { file: 'listen: []\nhttp: false' },
      'pongcheck.yml:1: listen is empty, and http and grpc are false; enable at least one of them',
    ],
    [
      'environment-of-wrong-type',
      { env: { PONGCHECK_LIMITS_MAX_PENDING: 'many' } },
      'PONGCHECK_LIMITS_MAX_PENDING is "many"; allowed: a whole number from 1 to 1000000',
    ],
    [
      'environment-misspelt',
      { env: { PONGCHECK_LISTN: 'x' } },
      '"PONGCHECK_LISTN" in the environment is unknown; did you mean PONGCHECK_LISTEN?',
    ],
    [
      'environment-url-invalid',
      { env: { MYSQL_URL: 'hunter2' } },
      'MYSQL_URL is not a valid URL; allowed: a URL, SCHEME://[USER:PASSWORD@]HOST[:PORT][/PATH]',
    ],
    ['flag-of-wrong-type', { flags: { http: '80' } }, '--http is "80"; allowed: HOST:PORT, { host, port } or false'],
  ];

  it.each([
    '{ readinessStall: 0, livenessStall: 1ms }',
    '{ readinessStall: 1h, livenessStall: 0 }',
    '{ readinessStall: 10s }',
  ])('but not for limits of a blocked loop such as %s', async (loop) =>
    expect(await read({ file: `loop: ${loop}` })).toBeDefined(),
  );

  it.each(rules)('%s', async (_rule, said, ...lines) => expect(await problems(said)).toEqual(lines));

  it('lists every issue of every source, each on its own line', async () => {
    const file =
      'limits:\n  maxPending: many\n  nope: 1\nchecks:\n  a: { kind: nope }\n  b: { kind: mysql, url: x, rise: 0 }\n';
    const env = { PONGCHECK_DETAIL: 'all' };
    expect(
      (await problems({ file, env, flags: { 'log-level': 'loud' } })).map((line) => line.split(/ is | has /)[0]),
    ).toEqual([
      'pongcheck.yml:2: limits.maxPending',
      'pongcheck.yml:3: limits.nope',
      'pongcheck.yml:5: checks.a.kind',
      'pongcheck.yml:6: checks.b.url',
      'pongcheck.yml:6: checks.b.rise',
      'PONGCHECK_DETAIL',
      '--log-level',
    ]);
  });
});

describe('no error shows a secret', () => {
  const secret = 'hunter2';
  it.each<[string, Said]>([
    ['an invalid URL', { file: `checks: { db: { kind: mysql, url: "${secret}" } }` }],
    ['a URL at a wrong place', { file: `serviceId: ["x"]\ndetail: "mysql://root:${secret}@h/x"` }],
    ['a URL with a space in its password', { file: `detail: "mysql://root:x ${secret}@h/x"` }],
    ['a URL as a key', { file: `"mysql://root:${secret}@h": 1` }],
    ['a URL as a name', { file: `checks: { "mysql://root:${secret}@h": 1 }` }],
    ['a token in a query', { file: `detail: "http://h/?token=${secret}"` }],
    ['a variable', { file: 'detail: "${SECRET}"', env: { SECRET: secret } }],
    ['an address with credentials', { file: `listen: [{ url: "pong://u:${secret}@h" }]` }],
    ['a token that is too short', { file: `tokens: ["${secret}"]` }],
    ['a token in place of a list', { file: `tokens: "${secret} ${secret} ${secret}"` }],
    ['a token of the environment', { env: { PONGCHECK_TOKENS: secret } }],
    ['a header of a request', { file: `checks: { w: { kind: http, url: "http://h", headers: "${secret}" } }` }],
    ['a URL of the environment', { env: { REDIS_URL: `//:${secret}@h` } }],
    ['a misspelt option of the environment', { env: { PONGCHECK_LISTN: `pong://u:${secret}@h` } }],
  ])('%s', async (_what, said) => expect((await problems(said)).join('\n')).not.toContain(secret));
});

describe('tokens', () => {
  const [token, other] = ['a-right-token-0123456789', 'another-token-0123456789'];

  it('are a list, from the file with variables in it, or from the environment', async () => {
    const file = 'tokens: ["${NEW}", "${OLD}"]';
    expect((await read({ file, env: { NEW: token, OLD: other } })).tokens).toEqual([token, other]);
    expect((await read({ env: { PONGCHECK_TOKENS: `${token},${other}` } })).tokens).toEqual([token, other]);
  });

  it.each([
    ['detail: token', 'pongcheck.yml:1: detail is token, but tokens is empty'],
    [
      'listen: [{ url: "pong://h:1" }, { url: "pong://h:2", requireToken: true }]',
      'pongcheck.yml:1: listen[1].requireToken is true, but tokens is empty',
    ],
    [
      'tokens: []',
      'pongcheck.yml:1: tokens is an empty list; allowed: a list of 1 to 16 strings of 16 to 1024 of A-Z a-z 0-9 . _ ~ + / -, = at the end',
    ],
  ])('are required by %s', async (file, problem) => {
    expect(await problems({ file })).toEqual([problem]);
  });

  it('of a client are neither an option of a server nor an unknown variable', async () => {
    expect((await read({ env: { PONGCHECK_TOKEN: token } })).tokens).toBeUndefined();
  });
});

describe('TLS of a listener', () => {
  it('has file paths relative to the configuration', async () => {
    const file = 'listen: [{ url: "pongs://h", tls: { cert: c.pem, key: k.pem, ca: /ca.pem, minVersion: TLSv1.3 } }]';
    expect((await read({ file })).listen).toEqual([
      {
        url: 'pongs://h:7464',
        tls: { cert: join(folder, 'c.pem'), key: join(folder, 'k.pem'), ca: '/ca.pem', minVersion: 'TLSv1.3' },
      },
    ]);
  });

  it.each([
    ['{ url: "pongs://h" }', 'pongcheck.yml:1: listen[0].tls is missing: pongs://h:7464 requires a certificate'],
    [
      '{ url: "pongs://h", tls: { cert: c.pem } }',
      'pongcheck.yml:1: listen[0].tls.key is missing; allowed: the path of a file',
    ],
    [
      '{ url: "pong://h", tls: { cert: c.pem, key: k.pem } }',
      'pongcheck.yml:1: listen[0].tls requires a pongs:// address; found pong://h:7464',
    ],
    [
      '{ url: "pongs://h", tls: { cert: c.pem, key: k.pem, minVersion: TLSv1.1 } }',
      'pongcheck.yml:1: listen[0].tls.minVersion is "TLSv1.1"; allowed: one of TLSv1.2, TLSv1.3 (did you mean TLSv1.2?)',
    ],
  ])('requires a TLS address, and vice versa: %s', async (listener, problem) => {
    expect(await problems({ file: `listen: [${listener}]` })).toEqual([problem]);
  });
});

describe('the trusted proxies of a listener', () => {
  it('are addresses and networks', async () => {
    const file = 'listen: [{ url: "pong://h", proxyProtocol: { from: [10.0.0.0/8, "::1"] } }]';
    expect((await read({ file })).listen).toMatchObject([{ proxyProtocol: { from: ['10.0.0.0/8', '::1'] } }]);
  });

  it.each(['[]', '[lb.example]', '[10.0.0.0/33]', '["::1/129"]', '[10.0.0]', '10.0.0.0/8/8'])(
    'are refused: %s',
    async (from) => {
      const [problem] = await problems({ file: `listen: [{ url: "pong://h", proxyProtocol: { from: ${from} } }]` });
      expect(problem).toContain('allowed: a list of addresses and networks, such as [10.0.0.0/8, "::1"]');
    },
  );

  it('require TCP', async () => {
    const file = 'listen: [{ url: "pong+unix:/a", proxyProtocol: { from: ["::1"] } }]';
    expect(await problems({ file })).toEqual([
      'pongcheck.yml:1: listen[0].proxyProtocol requires a TCP address; found pong+unix:/a',
    ]);
  });
});

describe('TLS of HTTP', () => {
  const file = 'http: { port: 1, tls: { cert: c.pem, key: /k.pem } }';

  it('has file paths, and keeps them if the environment sets another address', async () => {
    const tls = { cert: join(folder, 'c.pem'), key: '/k.pem' };
    expect((await read({ file })).http).toMatchObject({ host: '127.0.0.1', port: 1, tls });
    expect((await read({ file, env: { PONGCHECK_HTTP: '0.0.0.0:2' } })).http).toMatchObject({
      host: '0.0.0.0',
      port: 2,
      tls,
    });
    expect((await read({ file, env: { PONGCHECK_HTTP: 'false' } })).http).toBe(false);
  });

  it('requires both files', async () => {
    expect(await problems({ file: 'http: { tls: { cert: c.pem } }' })).toEqual([
      'pongcheck.yml:1: http.tls.key is missing; allowed: the path of a file',
    ]);
  });
});
