import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Fleet, type FleetOptions, maxResponders } from '../../src/fleet/fleet.js';
import type { Responder } from '../../src/fleet/responder.js';
import { headline, sharedCauses } from '../../src/fleet/summary.js';
import { CheckFailure } from '../../src/health/reason.js';
import { parsePeerAddress } from '../../src/net/peer-address.js';
import type { Resolver } from '../../src/net/peer-directory.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { FakeClock, settle } from '../fake-clock.js';
import { until } from '../http/until.js';
import { makeCertificate } from '../live/certificate.js';
import { rogue } from './rogue.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(options: ServiceOptions = {}): Promise<Service> {
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, ...options });
  closing.push(() => service.stop());
  await service.start();
  return service;
}

function fleetOf(from: readonly string[], options: Partial<FleetOptions> = {}): Fleet {
  const fleet = new Fleet({ from: from.map(parsePeerAddress), identity: () => ({}), ...options });
  closing.push(() => fleet.close());
  fleet.start();
  return fleet;
}

const addressesOf = (services: readonly Service[]) => services.flatMap(({ addresses }) => addresses);
/** A service with one check, which fails while `broken.is` is true. */
const withDb = (broken: { is: boolean }, options: ServiceOptions = {}) =>
  serve({
    checks: {
      db: {
        kind: 'function',
        interval: 20,
        minInterval: 10,
        run: async () => {
          if (broken.is) throw new CheckFailure('timeout', 'no answer');
          return { status: 'pass' };
        },
      },
    },
    ...options,
  });
const states = (fleet: Fleet) => fleet.responders.map(({ state }) => state);
const all = (fleet: Fleet, state: Responder['state']) =>
  until(() => fleet.responders.length > 0 && states(fleet).every((one) => one === state));
const only = (fleet: Fleet) => fleet.responders[0] as Responder;

describe('a fleet', () => {
  it('has the state of each responder, its service and its causes, and changes immediately', async () => {
    const broken = { is: false };
    const shops = await Promise.all([1, 2, 3].map(() => withDb(broken, { serviceId: 'shop' })));
    const other = await serve({ serviceId: 'stock' });
    const fleet = fleetOf([...addressesOf(shops), ...addressesOf([other])]);
    let changes = 0;
    fleet.onChange(() => changes++);
    await all(fleet, 'pass');
    const [before, version] = [changes, fleet.version];
    broken.is = true;
    await until(() => fleet.counts.fail === 3);
    expect(changes).toBeGreaterThan(before);
    expect(fleet.version).toBeGreaterThan(version);
    expect(headline(fleet.counts)).toBe('3 of 4 responders fail.');
    expect(sharedCauses(fleet.responders)).toEqual([{ state: 'fail', check: 'db', reason: 'timeout', responders: 3 }]);
    const first = fleet.responders.find(({ peer }) => `pong://${peer.key}` === shops[0]?.addresses[0]);
    expect(first?.digest).toMatchObject({
      service: 'shop',
      instance: shops[0]?.instance,
      failing: ['db'],
      causes: [{ output: 'no answer' }],
    });
    broken.is = false;
    await all(fleet, 'pass');
    expect(sharedCauses(fleet.responders)).toEqual([]);
  });

  it('starts no run of a check', async () => {
    let runs = 0;
    const run = async () => {
      runs++;
      return { status: 'pass' as const };
    };
    const service = await serve({ checks: { db: { kind: 'function', interval: 0, maxAge: 3_600_000, run } } });
    const fleet = fleetOf(addressesOf([service]));
    await all(fleet, 'pass');
    expect(runs).toBe(1);
  });

  it('shows a responder that ends as unreachable, with the reason and without causes, until it is back', async () => {
    const first = await withDb({ is: true }, { serviceId: 'shop' });
    const [url = ''] = first.addresses;
    const fleet = fleetOf([url]);
    await all(fleet, 'fail');
    await first.stop();
    await until(() => /refused/.test(only(fleet).why ?? ''));
    expect(only(fleet)).toMatchObject({
      state: 'unreachable',
      why: 'refused the connection: nothing is listening there',
      digest: { service: 'shop', causes: [], failing: [] },
    });
    await serve({ listen: [{ url }] });
    await all(fleet, 'pass');
    expect(only(fleet).why).toBeUndefined();
  });

  it('shows a draining responder as draining', async () => {
    const service = await serve({ drain: { grace: 60_000, delay: 60_000 } });
    const fleet = fleetOf(addressesOf([service]));
    await all(fleet, 'pass');
    void service.drain();
    await all(fleet, 'draining');
  });

  it('has the states of responders that do not permit WATCH, or hide details', async () => {
    const checks = { db: async () => false };
    const [unwatched, silent] = [
      await serve({ checks, limits: { maxWatches: 0 } }),
      await serve({ checks, detail: 'never' }),
    ];
    const fleet = fleetOf(addressesOf([unwatched, silent]));
    await all(fleet, 'fail');
    expect(fleet.responders.map(({ digest }) => digest)).toEqual([undefined, undefined]);
  });

  it('sends its token to responders that require one', async () => {
    const token = 'a-token-of-the-right-length';
    const service = await serve({
      listen: [{ url: 'pong://127.0.0.1:0', requireToken: true }],
      detail: 'token',
      tokens: [token],
      serviceId: 'shop',
    });
    const fleet = fleetOf(addressesOf([service]));
    await until(() => /ERROR 6/.test(only(fleet)?.why ?? ''));
    expect(only(fleet).state).toBe('unreachable');
    fleet.reload({ from: addressesOf([service]).map(parsePeerAddress), identity: () => ({ token }) });
    await all(fleet, 'pass');
    expect(only(fleet).digest?.service).toBe('shop');
  });

  it('keeps the connections of responders that remain after a reload, and drops the others', async () => {
    const services = [await serve(), await serve(), await serve()] as const;
    const fleet = fleetOf(addressesOf(services.slice(0, 2)));
    await all(fleet, 'pass');
    const [kept] = await services[1].connections();
    const from = addressesOf(services.slice(1)).map(parsePeerAddress);
    fleet.reload({ from, identity: () => ({}) });
    const addresses = () => fleet.responders.map(({ peer }) => `pong://${peer.key}`);
    await until(() => !addresses().includes(services[0].addresses[0] as string) && fleet.counts.pass === 2);
    expect(addresses().sort()).toEqual(addressesOf(services.slice(1)).sort());
    expect((await services[1].connections()).map(({ id }) => id)).toEqual([kept?.id]);
    while ((await services[0].connections()).length > 0) await settle();
  });

  it('remembers the last hour of each responder', async () => {
    const service = await serve();
    const fleet = fleetOf(addressesOf([service]));
    await all(fleet, 'pass');
    expect(fleet.slots(only(fleet), 60).at(-1)?.worst).toBe('pass');
    await service.stop();
    await all(fleet, 'unreachable');
    expect(fleet.slots(only(fleet), 60).at(-1)?.worst).toBe('unknown');
    expect(fleet.slots(only(fleet), 60).slice(0, 59)).toEqual(Array(59).fill(undefined));
  });
});

describe('a misbehaving responder of a fleet', () => {
  it('cannot have an invalid time', async () => {
    const { address, close } = await rogue((socket, status) => {
      const db = [{ state: 'fail', since: '-271821-04-20T00:00:00.000Z' }];
      socket.write(status({ state: 'fail', time: '+275760-09-13T00:00:00.000Z', checks: { db } }));
    });
    closing.push(close);
    const fleet = fleetOf([address]);
    await all(fleet, 'fail');
    expect(new Date(only(fleet).since).toISOString()).toBe('1970-01-01T00:00:00.000Z');
  });

  it('is read once per 50 ms, regardless of how much it sends', async () => {
    let sender: Socket | undefined;
    const { address, close } = await rogue((socket, status) => {
      sender = socket;
      const statuses = Buffer.concat(Array<Buffer>(1000).fill(status({ state: 'fail' })));
      for (let bytes = 0; bytes < 67_108_864; bytes += statuses.length) socket.write(statuses);
    });
    closing.push(close);
    const clock = new FakeClock();
    const fleet = fleetOf([address], { clock });
    closing.push(() => clock.advanceUntil(fleet.close()));
    while (only(fleet)?.state !== 'fail') {
      await clock.advance(10);
      await settle();
    }
    const flood = sender as Socket;
    const accepted = () => flood.bytesWritten - flood.writableLength;
    // The kernel takes what fits in its buffers.
    for (let turn = 0; turn < 3000; turn++) await new Promise(setImmediate);
    const before = accepted();
    for (let turn = 0; turn < 300; turn++) await new Promise(setImmediate);
    expect(accepted()).toBe(before);
    expect(flood.writableLength).toBeGreaterThan(0);
    // The connection is read again.
    while (accepted() === before) {
      await clock.advance(50);
      await new Promise(setImmediate);
    }
  });
});

describe('a fleet over TLS', () => {
  it('expects the name of an address in its certificate, and reads the credentials for each attempt', async () => {
    const { cert, key, remove } = makeCertificate();
    closing.push(async () => remove());
    const service = await serve({ listen: [{ url: 'pongs://127.0.0.1:0', tls: { cert, key } }], serviceId: 'shop' });
    const { port } = new URL(service.addresses[0] as string);
    let ca: Buffer | undefined;
    const fleet = fleetOf([`pongs://localhost:${port}`], {
      resolver: resolverOf({ localhost: ['127.0.0.1'] }),
      identity: () => (ca ? { tls: { ca } } : {}),
    });
    await until(() => only(fleet)?.state === 'unreachable');
    expect(only(fleet).why).toBe('sent a certificate that is self-signed');
    ca = readFileSync(cert);
    await all(fleet, 'pass');
    expect(only(fleet).digest?.service).toBe('shop');
  });
});

/** A resolver whose A records are set by a test. */
function resolverOf(records: Record<string, string[] | undefined>): Resolver {
  const missing = async () => Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }));
  return {
    resolve4: async (name: string) => records[name] ?? missing(),
    resolve6: missing,
    resolveSrv: missing,
    lookup: missing,
  } as unknown as Resolver;
}

describe('the names of a fleet', () => {
  it('resolve to all of their addresses; an unreachable responder without one is kept for a minute', async () => {
    const clock = new FakeClock();
    const records: Record<string, string[] | undefined> = { shop: ['127.0.0.1', '127.0.0.2'] };
    const fleet = fleetOf(['pong://shop:1', 'pong://none:1'], { clock, resolver: resolverOf(records) });
    const keys = () => fleet.responders.map(({ peer }) => peer.key);
    await clock.advance(10);
    await until(() => fleet.counts.unreachable === 2);
    expect(fleet.unresolved).toEqual(['pong://none:1']);
    records.shop = ['127.0.0.2', '127.0.0.3'];
    records.none = ['127.0.0.4'];
    await clock.advance(10_000);
    expect(keys()).toEqual(['127.0.0.1:1', '127.0.0.2:1', '127.0.0.3:1', '127.0.0.4:1']);
    expect(fleet.unresolved).toEqual([]);
    await clock.advance(50_000);
    expect(keys()).toContain('127.0.0.1:1');
    await clock.advance(10_000);
    expect(keys()).toEqual(['127.0.0.2:1', '127.0.0.3:1', '127.0.0.4:1']);
    // While the resolver fails, the known addresses are kept.
    records.shop = undefined;
    await clock.advance(300_000);
    expect(keys()).toEqual(['127.0.0.2:1', '127.0.0.3:1', '127.0.0.4:1']);
  });

  it('keep a connected responder, because they may resolve to ready ones only', async () => {
    const service = await withDb({ is: true });
    const { port } = new URL(service.addresses[0] as string);
    const clock = new FakeClock();
    const records: Record<string, string[]> = { shop: ['127.0.0.1'] };
    const fleet = fleetOf([`pong://shop:${port}`], { clock, resolver: resolverOf(records) });
    await clock.advance(10);
    await all(fleet, 'fail');
    records.shop = ['127.0.0.2'];
    let pings = 0;
    service.events.on('ping', () => pings++);
    for (let passed = 0; passed < 120_000; passed += 5000) {
      const before = pings;
      await clock.advance(5000);
      await until(() => pings > before);
      for (let turn = 0; turn < 5; turn++) await settle();
    }
    expect(fleet.responders.map(({ peer, state }) => [peer.key, state])).toContainEqual([`127.0.0.1:${port}`, 'fail']);
    expect(fleet.responders).toHaveLength(2);
  });

  it('resolve to at most 500 responders, and those that disappeared make room', async () => {
    const clock = new FakeClock();
    const address = (n: number) => `127.1.${n >> 8}.${n & 255}`;
    const records = { shop: Array.from({ length: 400 }, (_, n) => address(n)) };
    // The first connection attempts would be a year later, because only the addresses matter here.
    const random = () => 365 * 24 * 3_600_000;
    const fleet = fleetOf(['pong://shop:1'], { clock, random, resolver: resolverOf(records) });
    await until(() => fleet.responders.length === 400);
    records.shop = Array.from({ length: 450 }, (_, n) => address(n + 200));
    await clock.advance(10_000);
    expect([fleet.responders.length, fleet.excess]).toEqual([500, 0]);
    expect(fleet.responders.filter(({ leftAt }) => leftAt !== undefined)).toHaveLength(50);
    records.shop = Array.from({ length: 500 }, (_, n) => address(n + 200));
    await clock.advance(10_000);
    expect(fleet.responders.filter(({ leftAt }) => leftAt !== undefined)).toHaveLength(0);
  });

  it('reserve a descriptor for each responder to which they may resolve', () => {
    const of = (...from: string[]) => maxResponders(from.map(parsePeerAddress));
    expect(of('10.0.0.1', '[::1]:7000')).toBe(2);
    expect(of('10.0.0.1', 'shop')).toBe(500);
    expect(of('srv+pong://_pong._tcp.shop')).toBe(500);
  });
});

describe('connection attempts', () => {
  it('are spread over some time, and at most 50 at a time', async () => {
    const sockets: Socket[] = [];
    // Accepts connections but never answers the HELLO.
    const server = createServer((socket) => sockets.push(socket.resume().on('error', () => {})));
    await new Promise<void>((resolve) => server.listen(0, resolve));
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as AddressInfo;
    const clock = new FakeClock();
    let n = 0;
    const fleet = fleetOf(
      Array.from({ length: 120 }, (_, index) => `127.2.0.${index}:${port}`),
      { clock, random: () => (n++ % 120) / 120 },
    );
    await settle();
    expect(fleet.counts.connecting).toBe(120);
    const open = () => sockets.filter(({ destroyed }) => !destroyed).length;
    await clock.advance(40);
    await until(() => open() === 21);
    for (let turn = 0; turn < 20; turn++) await settle();
    expect(open()).toBe(21);
    await clock.advance(200);
    await until(() => open() === 50);
    for (let turn = 0; turn < 20; turn++) await settle();
    expect(open()).toBe(50);
    // Attempts that time out make room for others.
    await clock.advance(3000);
    await until(() => sockets.length > 50);
    expect(open()).toBeLessThanOrEqual(50);
  });
});
