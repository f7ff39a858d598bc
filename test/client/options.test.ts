import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { connectRows, helloRows, linkRows, pingRows, watchRows } from '../../src/client/options.js';
import { type Client, connect, type LinkOptions, openLink, ping } from '../../src/client.js';
import { parseDuration } from '../../src/options/duration.js';
import type { OptionRow } from '../../src/options/option.js';
import { NAME_FORMS } from '../../src/options/value-types.js';
import { frame } from './scripted-server.js';
import { rejection, setting } from './setting.js';

const root = new URL('../../', import.meta.url);

/** The keys of an interface, each with the number, text or boolean after `@default` in its documentation. */
function documented(file: string, name: string): Map<string, string | undefined> {
  const text = readFileSync(new URL(file, root), 'utf8');
  const [, body = ''] = new RegExp(`interface ${name}\\b[^{]*\\{\\n(.*?)\\n\\}`, 's').exec(text) ?? [];
  const fields = body.matchAll(/\/\*\*((?:(?!\*\/).)*)\*\/\n {2}(?:readonly )?(\w+)\??:/gs);
  return new Map([...fields].map(([, doc = '', key = '']) => [key, /@default (\S+)/.exec(doc)?.[1]]));
}

const interfaces: [name: string, file: string, rows: readonly OptionRow[], prefix?: string][] = [
  ['ConnectOptions', 'src/client/open.ts', connectRows],
  ['PingOptions', 'src/client/requests.ts', pingRows],
  ['HelloOptions', 'src/client/requests.ts', helloRows],
  ['WatchOptions', 'src/client/watch.ts', watchRows],
  ['LinkOptions', 'src/client/link/link-options.ts', linkRows],
  ['ClientTls', 'src/client/tls.ts', connectRows, 'tls.'],
  ['KeepAlive', 'src/net/keep-alive.ts', connectRows, 'keepAlive.'],
  ['HeartbeatSettings', 'src/client/link/heartbeat-settings.ts', linkRows, 'heartbeat.'],
  ['BackoffOptions', 'src/client/link/backoff.ts', linkRows, 'backoff.'],
];

describe('the options of the client', () => {
  it.each(interfaces)('%s has the same keys and defaults as its rows', (name, file, rows, prefix = '') => {
    const keys = documented(file, name);
    if (name === 'LinkOptions')
      for (const [key] of documented('src/client/link/hooks.ts', 'ConnectionHooks')) keys.set(key, undefined);
    const own = rows.filter(({ path }) => path.startsWith(prefix));
    const inRows = own.map(({ path }) => path.slice(prefix.length).split('.')[0]);
    expect([...keys.keys()].sort()).toEqual([...new Set(inRows)].sort());
    for (const [key, value] of keys) {
      const row = own.find(({ path }) => path === prefix + key);
      if (value === undefined || row === undefined) continue;
      const { default: text = '', type } = row;
      expect([key, value]).toEqual([
        key,
        type.name === 'duration' ? String(parseDuration(text)) : quotedIf(type.name, text),
      ]);
    }
  });
});

function quotedIf(type: string, text: string): string {
  return /^(enumeration|heartbeatPreset)$/.test(type) ? `'${text}'` : text;
}

/** Every call that has the option must refuse the value in the same way. */
const invalid: [options: object, message: string][] = [
  [{ responseTimeout: -1 }, 'responseTimeout is -1; allowed: milliseconds, a whole number from 0 to 86400000'],
  [
    { responseTimeout: Number.POSITIVE_INFINITY },
    'responseTimeout is Infinity; allowed: milliseconds, a whole number from 0 to 86400000',
  ],
  [{ responseTimeout: '2s' }, 'responseTimeout is "2s"; allowed: milliseconds, a whole number from 0 to 86400000'],
  [{ wait: 1000 }, 'wait was renamed to responseTimeout'],
  [{ responseTimout: 1000 }, 'responseTimout is not a known option; did you mean responseTimeout?'],
  [{ signal: {} }, 'signal is an object; allowed: an AbortSignal'],
];
const invalidSelections: [options: object, message: string][] = [
  [{ scope: 'ready' }, 'scope is "ready"; allowed: one of readiness, liveness, startup'],
  [{ detail: 'true' }, 'detail is "true"; allowed: true or false (without quotes)'],
  [{ check: ['a'] }, 'check is not a known option; did you mean checks?'],
  [{ checks: [''] }, `checks is a list; allowed: a list of 1 to 32 names of ${NAME_FORMS}`],
];
const invalidConnections: [options: object, message: string][] = [
  [{ connectTimeout: 0.5 }, 'connectTimeout is 0.5; allowed: milliseconds, a whole number from 0 to 86400000'],
  [{ maxInFlight: Number.POSITIVE_INFINITY }, 'maxInFlight is Infinity; allowed: a whole number from 1 to 1000000'],
  [{ token: 5 }, 'token is a number; allowed: a string of 1 to 1024 characters on one line'],
  [{ token: 'a\nb' }, 'token is a string; allowed: a string of 1 to 1024 characters on one line'],
  [{ keepAlive: { cuont: 3 } }, 'keepAlive.cuont is not a known option; did you mean count?'],
  [{ keepAlive: { count: 0 } }, 'keepAlive.count is 0; allowed: a whole number from 1 to 127'],
  [{ keepAlive: true }, 'keepAlive is true; allowed: a map with idle, interval, count, userTimeout'],
  [{ tls: { ca: 5 } }, 'tls.ca is 5; allowed: a string or a Buffer with PEM data'],
  [
    { tls: { rejectUnauthorised: false } },
    'tls.rejectUnauthorised is not a known option; did you mean rejectUnauthorized?',
  ],
  [{ tls: { key: 'PEM' } }, 'tls.cert is missing; allowed: cert and key together'],
  [{ lookup: 'dns' }, 'lookup is "dns"; allowed: a function'],
  [
    { connectTimeout: -1, maxInFlight: 0 },
    'connectTimeout is -1; allowed: milliseconds, a whole number from 0 to 86400000\nmaxInFlight is 0; allowed: a whole number from 1 to 1000000',
  ],
];
const invalidLinks: [options: object, message: string][] = [
  [
    { heartbeat: 'ordinary' },
    'heartbeat is "ordinary"; allowed: default, strict, or { interval, maxPingsOut, timeout } ("ordinary" was renamed to "default")',
  ],
  [{ heartbeat: {} }, 'heartbeat.interval is missing; allowed: milliseconds, a whole number from 10 to 86400000'],
  [
    { heartbeat: { interval: 1000, maxPingOut: 1 } },
    'heartbeat.maxPingOut is not a known option; did you mean maxPingsOut?',
  ],
  [{ leaveAt: ['fail'] }, 'leaveAt was renamed to failoverOn'],
  [
    { failoverOn: ['failed'] },
    'failoverOn is a list; allowed: a list of pass, warn, fail, unknown, draining, starting, not-found',
  ],
  [
    { backoff: { max: Number.POSITIVE_INFINITY } },
    'backoff.max is Infinity; allowed: milliseconds, a whole number from 1 to 86400000',
  ],
  [{ backoff: { initial: 5000, max: 100 } }, 'backoff.initial is 5s; allowed: at most backoff.max, 100ms'],
  [{ backoff: { initial: 60_000 } }, 'backoff.initial is 1m; allowed: at most backoff.max, 30s'],
  [{ tls: { cert: 'PEM' } }, 'tls.key is missing; allowed: cert and key together'],
  [{ onUp: 1 }, 'onUp is 1; allowed: a function'],
  [{ hookTimeout: 0 }, 'hookTimeout is 0; allowed: milliseconds, a whole number from 1 to 3600000'],
  [{ checks: ['a'], group: 'b' }, 'checks and group are both given; allowed: one of them'],
  [{ signal: AbortSignal.timeout(1000) }, 'signal is not a known option; allowed: '],
];

describe('invalid options', () => {
  const { serve, connected } = setting();
  const client = async (): Promise<Client> =>
    connected(await serve(({ id }, socket) => socket.write(frame(2, 0, 1, id))));
  const expectConfig = (error: Error & Record<string, unknown>, message: string) => {
    expect(error.code).toBe('PONGCHECK_CONFIG');
    if (message.endsWith('allowed: ')) expect(error.message).toContain(message);
    else expect(error.message).toBe(message);
  };

  it.each([...invalid, ...invalidSelections])('of a PING: %j', async (options, message) => {
    expectConfig(await rejection((await client()).ping(options)), message);
    expectConfig(await rejection(ping('127.0.0.1:1', options)), message);
  });

  it.each([...invalidConnections, invalid[5] as (typeof invalid)[0]])(
    'of a connection: %j',
    async (options, message) => {
      expectConfig(await rejection(connect('127.0.0.1:1', options)), message);
      expectConfig(await rejection(ping('127.0.0.1:1', options)), message);
    },
  );

  it.each(invalid)('of a HELLO: %j', async (options, message) =>
    expectConfig(await rejection((await client()).hello(options)), message),
  );

  it('of a HELLO: a heartbeat without wantMs', async () =>
    expectConfig(
      await rejection((await client()).hello({ heartbeat: { canSendMs: 1 } } as object)),
      'heartbeat.wantMs is missing; allowed: milliseconds, a whole number from 0 to 2147483647',
    ));

  it.each(invalidSelections)('of a watch: %j', async (options, message) => {
    const watching = await client();
    expectConfig(await rejection((async () => watching.watch(options))()), message);
  });

  it.each(invalidLinks)('of a link: %j', async (options, message) =>
    expectConfig(await rejection((async () => openLink('127.0.0.1:1', options as LinkOptions))()), message),
  );

  it('never show a token', async () => {
    const error = await rejection(connect('127.0.0.1:1', { token: `s3cret\n${'x'.repeat(20)}` }));
    expect(error.message).toContain('token is a string; allowed: ');
    expect(error.message).not.toContain('s3cret');
  });
});
