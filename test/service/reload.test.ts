import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { connect } from '../../src/client.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { FakeClock } from '../fake-clock.js';
import { SteadyCheck } from '../health/scripted-check.js';
import { frame, type Peer, ping, pong } from '../server/peer.js';
import { opened, peerOf, quiet, start } from './started.js';

const id = 'a1a2a3a4a5a6a7a8';
const [token, other] = ['a-right-token-0123456789', 'another-token-0123456789'];

const hello = (body: object = {}) => frame('05', id, body);

async function onHello(service: Service, body: object = {}): Promise<Peer> {
  const peer = await peerOf(service);
  peer.sendHex(hello(body));
  expect((await peer.frame()).type).toBe('05');
  return peer;
}

/** The status that the server reports on this connection. */
async function answers(peer: Peer): Promise<string> {
  peer.sendHex(ping(id, { scope: '01' }));
  return peer.hex(16);
}

const alive = pong(id, '01');
const nothing = { checks: { added: [], changed: [], removed: [] }, changed: [], needsRestart: [] };

describe('service.reload', () => {
  it('changes nothing if nothing differs', async () => {
    const options = { ...quiet, checks: { db: () => {} }, tokens: [token], limits: { maxWatches: 3 } };
    const service = await start(options);
    expect(await service.reload({ ...options })).toEqual(nothing);
  });

  it('returns what it changed', async () => {
    const own = () => {};
    const service = await start({ checks: { own, gone: () => {} }, limits: { maxWatches: 3 } });
    const next = {
      checks: { own, other: () => {} },
      ping: { timeout: 500, staleLimit: 5000 },
      startup: { grace: 9 },
      loop: { readinessStall: 0, livenessStall: 3000 },
      heartbeat: { pingData: { a: 1 } },
      drain: { delay: 1 },
      tokens: [token],
      detail: 'token' as const,
      serviceId: 'shop',
    };
    const changed = [
      'ping.timeout',
      'ping.staleLimit',
      'startup.grace',
      'loop.readinessStall',
      'loop.livenessStall',
      'limits.maxWatches',
      'drain.delay',
      'detail',
      'heartbeat.pingData',
      'serviceId',
      'tokens',
    ];
    const result = await service.reload({ ...quiet, ...next });
    expect({ ...result, changed: [...result.changed].sort() }).toEqual({
      checks: { added: ['other'], changed: [], removed: ['gone'] },
      changed: changed.sort(),
      needsRestart: [],
    });
    expect((await onHello(service)).ended).toBe(false);
  });

  it.each<[string, object, string]>([
    ['an unknown option', { chekcs: {} }, 'PONGCHECK_CONFIG'],
    ['an invalid check', { checks: { db: new SteadyCheck(), bad: { run: 5 } } }, 'PONGCHECK_CONFIG'],
    ['an invalid token', { tokens: ['short'] }, 'PONGCHECK_CONFIG'],
    ['detail: token without tokens', { detail: 'token' }, 'PONGCHECK_CONFIG'],
    [
      'a listener that requires a token without tokens',
      { listen: [{ url: 'pong://127.0.0.1:0', requireToken: true }] },
      'PONGCHECK_CONFIG',
    ],
    ['a TLS listener without a certificate', { listen: [{ url: 'pongs://127.0.0.1:0' }] }, 'PONGCHECK_CONFIG'],
    ['an invalid address', { listen: [{ url: 'nowhere at all' }] }, 'PONGCHECK_CONFIG'],
    ['an invalid stale limit', { ping: { staleLimit: -1 } }, 'PONGCHECK_CONFIG'],
    ['invalid targets', { probe: { targets: ['*'] } }, 'PONGCHECK_CONFIG'],
    ['a PING body that is too large', { heartbeat: { pingData: { a: 'x'.repeat(2000) } } }, 'PONGCHECK_CONFIG'],
  ])('refuses %s, and changes nothing', async (_what, wrong, code) => {
    const check = new SteadyCheck();
    const service = await start({ checks: { own: check }, tokens: [token] });
    const peer = await onHello(service, { token });
    const limits = { maxWatches: 0 };
    await expect(service.reload({ ...quiet, limits, serviceId: 'other', ...wrong })).rejects.toMatchObject({ code });
    expect(service.health.checks.map(({ name, stats }) => [name, stats.runs])).toEqual([['own', 1]]);
    peer.sendHex(frame('03', id));
    expect(await peer.frame()).toMatchObject({ type: '04', code: '01' });
    expect(service.reloads).toMatchObject({ isLastSuccessful: false, counts: { success: 0, failure: 1 } });
    await service.reload({ ...quiet, checks: { own: check }, tokens: [token] });
    expect(service.reloads).toMatchObject({ isLastSuccessful: true, counts: { success: 1, failure: 1 } });
  });

  it('counts options that cannot be loaded as a failed reload', async () => {
    const service = await start();
    const broken = async (): Promise<ServiceOptions> => {
      throw new Error('no file');
    };
    await expect(service.reload(broken)).rejects.toThrow('no file');
    expect(await service.register.metrics()).toMatch(/^pongcheck_config_last_reload_successful 0$/m);
    expect(await service.reload(async () => quiet)).toEqual(nothing);
    const text = await service.register.metrics();
    expect(text).toMatch(/^pongcheck_config_last_reload_successful 1$/m);
    expect(text).toMatch(/^pongcheck_config_reloads_total\{result="failure"\} 1$/m);
  });

  it('applies reloads one after the other, in order', async () => {
    const service = await start();
    const order: string[] = [];
    const options = (name: string, ms: number) => async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, ms));
      order.push(`${name} ends`);
      return { ...quiet, serviceId: name };
    };
    const broken = service.reload({ ...quiet, detail: 'wrong' as never }).catch(() => order.push('broken'));
    await Promise.all([broken, service.reload(options('a', 20)), service.reload(options('b', 1))]);
    expect(order).toEqual(['broken', 'a begins', 'a ends', 'b begins', 'b ends']);
    expect(service.health.known('all').report('full').toString()).toContain('"serviceId":"b"');
  });

  it('rejects before the start, while draining, and after the end, and counts no failure in these cases', async () => {
    const service = createService(quiet);
    const code = 'PONGCHECK_NOT_RUNNING';
    await expect(service.reload(quiet)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('not started'),
    });
    await service.start();
    const late = service.reload(async () => {
      drained = service.drain();
      return quiet;
    });
    let drained: Promise<void> | undefined;
    await expect(late).rejects.toMatchObject({ code, message: expect.stringContaining('is draining') });
    await expect(service.reload(quiet)).rejects.toMatchObject({ code });
    await service.stop();
    await drained;
    await expect(service.reload(quiet)).rejects.toMatchObject({ code, message: expect.stringContaining('is stopped') });
    expect(service.reloads.counts).toEqual({ success: 0, failure: 0 });
  });

  it('waits for a start in progress', async () => {
    const service = createService(quiet);
    opened.push(() => service.stop());
    const started = service.start();
    expect(await service.reload({ ...quiet, serviceId: 'shop' })).toMatchObject({ changed: ['serviceId'] });
    await started;
  });

  it('lists the options that need a restart, each time, and keeps their values', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pongcheck-reload-'));
    opened.push(() => rm(folder, { recursive: true }));
    const unix = `pong+unix:${folder}/pong.sock`;
    const listen = [{ url: 'pong://127.0.0.1:0' }, { url: unix }];
    const service = await start({ listen, http: { port: 0 }, log: console as never });
    const url = service.httpAddress as string;
    const next: ServiceOptions = {
      listen: [{ url: 'pong://127.0.0.1:1' }, { url: unix, mode: 0o600 }],
      http: { host: '127.0.0.1', port: 2 },
      probe: { targets: ['127.0.0.1:*'] },
      log: { ...console } as never,
      clock: new FakeClock(),
    };
    const needsRestart = ['listen[0].url', 'listen[1].mode', 'http.port', 'probe', 'log', 'clock'];
    for (const _ of [1, 2]) expect(await service.reload(next)).toMatchObject({ needsRestart, changed: [] });
    for (const _ of [1, 2]) {
      expect(await service.reload({ listen, http: { port: 0 }, threads: 1 })).toEqual({
        ...nothing,
        needsRestart: ['threads'],
      });
    }
    expect(await service.reload({ listen: [], http: false })).toEqual({
      ...nothing,
      needsRestart: ['listen', 'http'],
    });
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect(await answers(await peerOf(service))).toBe(alive);
    expect(await service.reload({ listen, http: { port: 0 } })).toEqual(nothing);
  });
});

describe('the open file limit', () => {
  const limits = { maxConnections: 1_000_000 };

  it.each<[string, ServiceOptions, ServiceOptions, string]>([
    ['is still shared by PING and HTTP connections', { http: { port: 0, maxConnections: 2000 } }, {}, 'http'],
    ['is not recalculated for probes', {}, { probe: { targets: ['127.0.0.1:*'], maxConcurrent: 999 } }, 'probe'],
  ])('%s if this needs a restart', async (_, before, next, option) => {
    const service = await start({ limits, ...before });
    expect(await service.reload({ ...quiet, limits, ...next })).toEqual({ ...nothing, needsRestart: [option] });
  });
});

describe('limits of HTTP connections', () => {
  const limited = (http: object, limits: object = { maxConnections: 100 }): ServiceOptions => ({
    ...quiet,
    http: { port: 0, ...http },
    limits,
  });

  it('are applied by a reload, and listed as changed', async () => {
    const service = await start(limited({}));
    const agent = new Agent({ keepAlive: true, maxSockets: 5 });
    opened.push(() => agent.destroy());
    const status = (options: object) =>
      new Promise((resolve, reject) => {
        const request = get(`${service.httpAddress}/livez`, options, (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        });
        request.on('error', reject);
      });
    await Promise.all([1, 2, 3, 4, 5].map(() => status({ agent })));
    expect(await service.register.metrics()).toMatch(/^pongcheck_http_connections 5$/m);

    const result = await service.reload(limited({ maxConnections: 2 }));
    expect(result).toMatchObject({ changed: ['http.maxConnections'], needsRestart: [] });
    expect(await service.reload(limited({ maxConnections: 2 }))).toEqual(nothing);
    expect(await status({ agent: false })).toBe(200);
    const text = await service.register.metrics();
    expect(text).toMatch(/^pongcheck_http_connections_limit 2$/m);
    expect(text).toMatch(/^pongcheck_http_connections_closed_total\{reason="made-room-idle"\} 4$/m);
    expect(await service.reload(limited({}))).toMatchObject({ changed: ['http.maxConnections'] });
  });

  it('per address count existing connections, and follow the IPv6 prefix', async () => {
    const service = await start({ http: { port: 0 } });
    const port = Number(new URL(service.httpAddress as string).port);
    const open = () => connectTcp(port, '127.0.0.1');
    const before = [open(), open()];
    for (const socket of before) opened.push(() => socket.destroy());
    const hasOpen = async (count: number) => {
      const line = `\npongcheck_http_connections ${count}\n`;
      while (!(await service.register.metrics()).includes(line)) await new Promise(setImmediate);
    };
    await hasOpen(2);
    const result = await service.reload(limited({ maxConnectionsPerAddress: 2 }, { ipv6Prefix: 48 }));
    expect([...result.changed].sort()).toEqual(['http.maxConnectionsPerAddress', 'limits.ipv6Prefix']);
    await once(
      open().on('error', () => {}),
      'close',
    );
    before[0]?.destroy();
    await hasOpen(1);
    expect((await fetch(`${service.httpAddress}/livez`)).status).toBe(200);
  });
});

describe('connections', () => {
  it('stay open, and are answered with the new options', async () => {
    const db = new SteadyCheck();
    const service = await start({ checks: { db } });
    const [binary, line] = [await onHello(service), await peerOf(service)];
    line.send('ping\n');
    expect(await line.text(10)).toBe('pong pass\n');
    await service.reload({ ...quiet, checks: { db: new SteadyCheck({}, { status: 'warn' }) } });
    while (service.health.stateOf('readiness') !== 'warn') await new Promise(setImmediate);
    line.send('ping\n');
    expect(await line.text(10)).toBe('pong warn\n');
    binary.sendHex(ping(id));
    expect(await binary.hex(16)).toBe(pong(id, '02'));
  });

  it('stay open beyond a reduced limit, and new ones are refused', async () => {
    const service = await start();
    const peers = [await onHello(service), await onHello(service), await onHello(service)];
    for (const watch of ['01', '02']) peers[0]?.sendHex(frame('03', `00000000000000${watch}`));
    await peers[0]?.hex(32);
    await service.reload({ ...quiet, limits: { maxConnections: 2, maxWatches: 1 } });
    for (const peer of peers) expect(await answers(peer)).toBe(alive);
    expect((await service.connections())[0]?.watches).toBe(2);
    peers[0]?.sendHex(frame('03', id));
    expect(await peers[0]?.frame()).toMatchObject({ type: '7f', code: '07' });
    const late = await peerOf(service);
    await late.untilEnd();
    expect(service.server.stats.refused['max-connections']).toBe(1);
    await service.reload(quiet);
    expect(await answers(await peerOf(service))).toBe(alive);
    expect(await service.register.metrics()).toMatch(/^pongcheck_connections_limit \d{3,}$/m);
  });

  it('count for a limit per address that is added later', async () => {
    const service = await start();
    const peers = [await onHello(service), await onHello(service)];
    await service.reload({ ...quiet, limits: { maxConnectionsPerAddress: 2 } });
    await (await peerOf(service)).untilEnd();
    peers[0]?.socket.destroy();
    await once(service.events, 'close');
    expect(await answers(await peerOf(service))).toBe(alive);
  });

  it('have the new rate immediately, and earlier frames close none', async () => {
    const service = await start({ limits: { pingsPerSecond: 1000 } });
    const peer = await onHello(service);
    for (let n = 0; n < 500; n++) peer.sendHex(ping(id, { scope: '01' }));
    await peer.hex(500 * 16);
    await service.reload({ ...quiet, limits: { pingsPerSecond: 10 } });
    for (let n = 0; n < 10; n++) expect(await answers(peer)).toBe(alive);
    for (let n = 0; n < 20; n++) peer.sendHex(ping(id, { scope: '01' }));
    expect((await peer.untilEnd()).toString('hex')).toContain('017f0108');
  });

  it('see more or fewer details than before, according to detail and tokens', async () => {
    const service = await start({ checks: { db: new SteadyCheck() }, detail: 'never' });
    const peer = await onHello(service);
    const detail = async () => {
      peer.sendHex(ping(id, { flags: '01' }));
      return (await peer.frame()).body !== undefined;
    };
    expect(await detail()).toBe(false);
    await service.reload({ ...quiet, checks: { db: new SteadyCheck() }, detail: 'always' });
    expect(await detail()).toBe(true);
    await service.reload({ ...quiet, checks: { db: new SteadyCheck() }, detail: 'token', tokens: [token] });
    expect(await detail()).toBe(false);
  });
});

describe('a token that a reload removes', () => {
  it('closes the connections that used it, after their pending answers, and no others', async () => {
    const checks = {
      slow: (signal: AbortSignal) => new Promise<void>((_, reject) => signal.addEventListener('abort', reject)),
    };
    const service = await start({ tokens: [token, other], checks });
    const [gone, stays, none] = [
      await onHello(service, { token }),
      await onHello(service, { token: other }),
      await onHello(service),
    ];
    gone.sendHex(ping('00000000000000b1'));
    while ((await service.connections())[0]?.waiting !== 1) await new Promise(setImmediate);
    const changed = once(service.events, 'close');
    expect(await service.reload({ ...quiet, tokens: [other], checks })).toMatchObject({ changed: ['tokens'] });
    expect(await gone.frame()).toMatchObject({ type: '02', id: '00000000000000b1' });
    const message = 'the token is no longer valid';
    expect(await gone.frame()).toMatchObject({ type: '7f', code: '06', body: { message } });
    gone.socket.end();
    expect((await changed)[1]).toBe('unauthenticated');
    for (const peer of [stays, none]) expect(await answers(peer)).toBe(alive);
    const late = await peerOf(service);
    late.sendHex(hello({ token }));
    expect(await late.frame()).toMatchObject({ type: '7f', code: '06' });
  });

  it('ends a page stream that it authorized, and is refused over HTTP', async () => {
    const options: ServiceOptions = { ...quiet, http: { port: 0 }, detail: 'token', tokens: [token, other] };
    const service = await start(options);
    const streams = [token, other].map(
      (shown) =>
        new Promise<{ ended: boolean }>((resolve) => {
          const seen = { ended: false };
          const headers = { authorization: `Bearer ${shown}` };
          const request = get(`${service.httpAddress}/status/events`, { headers }, (response) => {
            response.once('data', () => resolve(seen));
            response.on('end', () => {
              seen.ended = true;
            });
          });
          opened.push(() => request.destroy());
        }),
    );
    const [gone, stays] = await Promise.all(streams);
    await service.reload({ ...options, tokens: [other] });
    while (!gone?.ended) await new Promise(setImmediate);
    expect(stays?.ended).toBe(false);
    const health = (shown: string) =>
      fetch(`${service.httpAddress}/health`, { headers: { authorization: `Bearer ${shown}` } });
    expect([(await health(token)).status, (await health(other)).status]).toEqual([401, 200]);
  });

  it('is required from all connections, including existing ones, if requireToken is new', async () => {
    const service = await start({ tokens: [token] });
    const [right, wrong, line] = [await onHello(service, { token }), await onHello(service), await peerOf(service)];
    line.send('ping\n');
    await line.text(10);
    const listen = [{ url: 'pong://127.0.0.1:0', requireToken: true }];
    expect(await service.reload({ ...quiet, listen, tokens: [token] })).toMatchObject({
      changed: ['listen[0].requireToken'],
    });
    wrong.sendHex(ping(id));
    expect(await wrong.frame()).toMatchObject({ type: '7f', code: '06' });
    expect(await line.untilEnd()).toHaveLength(0);
    expect(await answers(right)).toBe(alive);
  });
});

describe('an idle timeout that a reload reduces', () => {
  const advance = async (clock: FakeClock, ms: number) => {
    for (let left = ms; left > 0; left -= 50) await clock.advance(Math.min(50, left));
  };

  it('counts from the reload at the earliest, and does not apply to clients with another one in HELLO', async () => {
    const clock = new FakeClock();
    const service = await start({ clock });
    const [told, silent] = [await onHello(service), await peerOf(service)];
    silent.send('ping\n');
    await silent.text(10);
    await advance(clock, 60_000);
    await service.reload({ ...quiet, heartbeat: { idleTimeout: 20_000 } });
    await advance(clock, 19_000);
    expect(await service.connections()).toHaveLength(2);
    await advance(clock, 1500);
    await silent.untilEnd();
    const young = await onHello(service);
    await advance(clock, 9000);
    expect(await answers(told)).toBe(alive);
    expect(await answers(young)).toBe(alive);
    await advance(clock, 21_000);
    expect(await young.frame()).toMatchObject({ type: '7f', code: '09' });
    expect(await answers(told)).toBe(alive);
  });

  it('is that of the listener if it has its own', async () => {
    const clock = new FakeClock();
    const listen = [{ url: 'pong://127.0.0.1:0', idleTimeout: 50_000 }, { url: 'pong://127.0.0.1:0' }];
    const service = await start({ clock, listen });
    const [first, second] = [await peerOf(service, 0), await peerOf(service, 1)];
    for (const peer of [first, second]) expect(await answers(peer)).toBe(alive);
    const result = await service.reload({
      listen: [{ url: 'pong://127.0.0.1:0', idleTimeout: 10_000 }, { url: 'pong://127.0.0.1:0' }],
      http: false,
    });
    expect(result).toEqual({ ...nothing, changed: ['listen[0].idleTimeout'] });
    await advance(clock, 11_000);
    expect(await first.frame()).toMatchObject({ type: '7f', code: '09' });
    expect(await answers(second)).toBe(alive);
  });
});

it('answers every PING of a flood in time during twenty reloads, and sends only true states to a watch', async () => {
  const service = await start({ checks: { db: new SteadyCheck() }, limits: { pingsPerSecond: 0 } });
  const client = await connect(service.addresses[0] as string);
  opened.push(() => client.destroy());
  const watcher = await peerOf(service);
  watcher.sendHex(frame('03', id));
  let isOver = false;
  let count = 0;
  const flood = (async () => {
    while (!isOver) {
      const pongs = await Promise.all(Array.from({ length: 50 }, () => client.ping({ timeout: 2000 })));
      for (const { status, stale } of pongs) expect([status, stale]).toEqual(['pass', false]);
      count += pongs.length;
    }
  })();
  for (let n = 0; n < 20; n++) {
    const checks = { db: new SteadyCheck({ rise: 1 + (n % 3) }), [`other-${n}`]: new SteadyCheck() };
    await service.reload({ ...quiet, checks, limits: { pingsPerSecond: 0, maxPending: 100 + n } });
    const before = count;
    while (count < before + 100) await new Promise(setImmediate);
  }
  isOver = true;
  await flood;
  expect(watcher.received.toString('hex')).toBe(frame('04', id, undefined, { code: '01' }));
  expect(service.server.stats).toMatchObject({ open: 2, stale: 0 });
});
