import { afterEach, describe, expect, it } from '@jest/globals';
import { heartbeatPresets, type Link, type LinkChange, type LinkOptions, openLink } from '../../src/client.js';
import { createService, type Service, type ServiceOptions } from '../../src/service.js';
import { FakeClock } from '../fake-clock.js';
import { frame, ScriptedServer } from './scripted-server.js';

const opened: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

function open(addresses: string | string[], options: LinkOptions = {}): { link: Link; changes: LinkChange[] } {
  const link = openLink(addresses, { backoff: { initial: 20, max: 50 }, ...options });
  const changes: LinkChange[] = [];
  link.on('state', (change) => changes.push(change));
  opened.push(async () => {
    link.client?.destroy();
    await link.close();
  });
  return { link, changes };
}

async function scripted(...[script]: Parameters<typeof ScriptedServer.listen>): Promise<ScriptedServer> {
  const server = await ScriptedServer.listen(script);
  opened.unshift(() => server.stop());
  return server;
}

async function serve(options: ServiceOptions = {}): Promise<Service> {
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, ...options });
  await service.start();
  opened.unshift(() => service.stop());
  return service;
}

const portOf = (address: LinkChange['address']) => ('port' in address ? address.port : 0);
const addressOf = (service: Service) => service.addresses[0] as string;

/** Waits for a change of state that fits. */
function state(link: Link, fits: (change: LinkChange) => boolean): Promise<LinkChange> {
  return new Promise((resolve) => {
    const note = (change: LinkChange) => {
      if (!fits(change)) return;
      link.off('state', note);
      resolve(change);
    };
    link.on('state', note);
  });
}

const is = (wanted: string) => (change: LinkChange) => change.state === wanted;

/** Lets fake time pass in steps, and real sockets do their part in each. */
async function pass(clock: FakeClock, ms: number, step = 50): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    await clock.advance(step);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Answers HELLO, and PINGs as long as `answers` says so. */
function responder(answers: () => boolean, hello = '{}') {
  return (seen: { type: number; id: bigint }, socket: { write(octets: Buffer): unknown }) => {
    if (seen.type === 5) socket.write(frame(5, 0, 0, seen.id, hello));
    if (seen.type === 1 && answers()) socket.write(frame(2, 0, 1, seen.id));
  };
}

describe('a link', () => {
  it('comes up with the first PONG, and tells its status and round-trip time', async () => {
    const service = await serve();
    const { link, changes } = open(addressOf(service), { name: 'billing' });
    await state(link, is('up'));
    expect(changes.map((change) => change.state)).toEqual(['connecting', 'up']);
    expect(link.status).toBe('pass');
    expect(link.roundTrips?.last).toBeGreaterThan(0);
    expect(service.connections()[0]?.name).toBe('billing');
  });

  it('comes back when the server was restarted, and subscribes again', async () => {
    const first = await serve();
    const address = addressOf(first);
    const calls: string[] = [];
    const { link } = open(address, { onUp: () => calls.push('up'), onDown: () => calls.push('down') });
    await state(link, is('up'));
    await first.stop();
    const again = createService({ listen: [{ url: address }], http: false });
    await again.start();
    opened.unshift(() => again.stop());
    await state(link, is('up'));
    while (calls.length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual(['up', 'down', 'up']);
  });

  it('tells a status that changes', async () => {
    let well = true;
    const service = await serve({
      checks: { own: { kind: 'function', floor: 1, maxAge: 1, run: async () => ({ status: well ? 'pass' : 'fail' }) } },
    });
    const { link } = open(addressOf(service), { heartbeat: { interval: 20, maxPingsOut: 3 } });
    await state(link, is('up'));
    well = false;
    const status = await new Promise((resolve) => link.once('status', resolve));
    expect(status).toBe('fail');
    expect(link.state).toBe('up');
  });

  it('warns once and beats faster where the server would cut it off', async () => {
    const service = await serve({ heartbeat: { idleTimeout: 220 } });
    const warnings: string[] = [];
    const { link } = open(addressOf(service));
    link.on('warning', (sentence) => warnings.push(sentence));
    await state(link, is('up'));
    const begun = service.server.stats.pings.readiness.pass;
    const until = performance.now() + 500;
    while (performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(service.server.stats.pings.readiness.pass - begun).toBeGreaterThanOrEqual(3);
    expect(link.state).toBe('up');
    expect(warnings).toEqual([
      'the heartbeat of 10000 ms is shortened to 100 ms: the server closes after 220 ms of silence',
    ]);
  });

  it('keeps its PINGs to itself while there is traffic both ways', async () => {
    const clock = new FakeClock();
    const server = await scripted(responder(() => true));
    const { link } = open(server.address, { clock, heartbeat: { interval: 1000, maxPingsOut: 3 } });
    await pass(clock, 100);
    expect(link.state).toBe('up');
    const { client } = link;
    for (let i = 0; i < 20; i++) {
      void client?.ping({ scope: 'liveness' });
      await pass(clock, 200);
    }
    // HELLO, the first heartbeat, and the traffic: nothing else in four intervals.
    expect(server.frames).toHaveLength(2 + 20);
  });
});

describe('a server that falls silent', () => {
  it.each(Object.entries(heartbeatPresets))('is suspected, then dead within the bounds of %s', async (name, beat) => {
    const clock = new FakeClock();
    let answers = true;
    const server = await scripted(responder(() => answers));
    const { link, changes } = open(server.address, { clock, heartbeat: name as keyof typeof heartbeatPresets });
    await pass(clock, 100);
    expect(link.state).toBe('up');
    answers = false;
    const silentSince = clock.now();
    let suspectedAt = 0;
    while (changes.at(-1)?.state !== 'down') {
      await pass(clock, 50);
      if (link.state === 'suspect') suspectedAt ||= clock.now();
    }
    const found = clock.now() - silentSince;
    const { interval, maxPingsOut } = beat;
    expect(suspectedAt).toBeGreaterThan(0);
    expect(found).toBeGreaterThanOrEqual(maxPingsOut * interval * 0.75);
    expect(found).toBeLessThanOrEqual((maxPingsOut + 1) * interval + 1000);
    const error = server.frames.find(({ type }) => type === 0x7f);
    expect(error).toMatchObject({ code: 13, flags: 1 });
  });

  it('is not accused after a stall of the own loop until a whole limit has passed again', async () => {
    const clock = new FakeClock();
    let answers = true;
    const server = await scripted(responder(() => answers));
    const { link, changes } = open(server.address, { clock, heartbeat: { interval: 1000, maxPingsOut: 3 } });
    await pass(clock, 100);
    answers = false;
    await pass(clock, 2000);
    clock.jump(60_000);
    const woke = clock.now();
    while (changes.at(-1)?.state !== 'down') await pass(clock, 50);
    expect(clock.now() - woke).toBeGreaterThanOrEqual(3000);
    expect(link.client).toBeUndefined();
  });

  it('is not accused because the wall clock was set', async () => {
    const clock = new FakeClock();
    const server = await scripted(responder(() => true));
    const { link, changes } = open(server.address, { clock, heartbeat: { interval: 1000, maxPingsOut: 1 } });
    await pass(clock, 2500);
    clock.wallOffset += 120_000;
    await pass(clock, 2500);
    clock.wallOffset -= 240_000;
    await pass(clock, 2500);
    expect(changes.map((change) => change.state)).toEqual(['connecting', 'up']);
    expect(link.state).toBe('up');
  });

  it('that promised to PING is dead after mult intervals of silence', async () => {
    const clock = new FakeClock();
    const hello = '{"heartbeat":{"canSendMs":500,"wantMs":0,"mult":2}}';
    const server = await scripted(responder(() => true, hello));
    const { changes } = open(server.address, {
      clock,
      serverPings: 500,
      heartbeat: { interval: 60_000, maxPingsOut: 3 },
    });
    await pass(clock, 900);
    expect(changes.at(-1)?.state).toBe('up');
    await pass(clock, 300);
    expect(changes.find(({ state: found }) => found === 'down')?.why).toContain('nothing came for');
  });
});

describe('PINGs of the server', () => {
  it('are answered with what the health function says', async () => {
    const service = await serve({ heartbeat: { pingInterval: 30 } });
    const { link } = open(addressOf(service), { serverPings: 30, health: () => 'warn' });
    await state(link, is('up'));
    while (!service.connections()[0]?.roundTrip) await new Promise((resolve) => setImmediate(resolve));
    expect(service.connections()[0]?.pingsOut).toBeLessThanOrEqual(1);
  });
});

describe('a list of addresses', () => {
  const fast: LinkOptions = { heartbeat: { interval: 30, maxPingsOut: 3 } };
  const flipping = (well: () => boolean): ServiceOptions => ({
    checks: { own: { kind: 'function', floor: 1, maxAge: 1, run: async () => ({ status: well() ? 'pass' : 'fail' }) } },
  });

  it('begins with the first that answers', async () => {
    const gone = await serve();
    const other = await serve();
    const dead = addressOf(gone);
    await gone.stop();
    const { link } = open([dead, addressOf(other)], fast);
    const up = await state(link, is('up'));
    expect(portOf(up.address)).toBe(Number(new URL(addressOf(other)).port));
  });

  it('leaves one that fails for a healthy one, and goes back when it is well again', async () => {
    let well = true;
    const first = await serve(flipping(() => well));
    const second = await serve();
    const { link } = open([addressOf(first), addressOf(second)], fast);
    const port = (change: LinkChange) => portOf(change.address);
    const [firstPort, secondPort] = [first, second].map((service) => Number(new URL(addressOf(service)).port));
    expect(port(await state(link, is('up')))).toBe(firstPort);
    well = false;
    expect(port(await state(link, is('up')))).toBe(secondPort);
    well = true;
    expect(port(await state(link, is('up')))).toBe(firstPort);
  });

  it('stays where it is with failback false', async () => {
    let well = false;
    const first = await serve(flipping(() => well));
    const second = await serve();
    const { link, changes } = open([addressOf(first), addressOf(second)], { ...fast, failback: false });
    const secondPort = Number(new URL(addressOf(second)).port);
    await state(link, (change) => change.state === 'up' && portOf(change.address) === secondPort);
    well = true;
    const seen = changes.length;
    const pings = second.server.stats.pings.readiness.pass;
    while (second.server.stats.pings.readiness.pass < pings + 5) await new Promise((resolve) => setImmediate(resolve));
    expect(changes).toHaveLength(seen);
  });

  it('stays with one that fails when no other is well', async () => {
    const first = await serve(flipping(() => false));
    const second = await serve(flipping(() => false));
    const { link, changes } = open([addressOf(first), addressOf(second)], fast);
    await state(link, is('up'));
    while (second.server.stats.accepted < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(changes.map((change) => change.state)).toEqual(['connecting', 'up']);
  });

  it('leaves one that drains, at its GOAWAY', async () => {
    const first = await serve({ drain: { grace: 5000, delay: 0 } });
    const second = await serve();
    const { link, changes } = open([addressOf(first), addressOf(second)], {
      heartbeat: { interval: 5000, maxPingsOut: 3 },
    });
    await state(link, is('up'));
    const drained = first.drain();
    const up = await state(link, is('up'));
    expect(portOf(up.address)).toBe(Number(new URL(addressOf(second)).port));
    expect(changes.map((change) => change.state)).toEqual(['connecting', 'up', 'draining', 'connecting', 'up']);
    await drained;
  });
});

describe('the end', () => {
  it('of a link is told to whoever iterates its changes', async () => {
    const service = await serve();
    const { link } = open(addressOf(service));
    const seen: string[] = [];
    const reading = (async () => {
      for await (const change of link.changes()) seen.push(change.state);
    })();
    await state(link, is('up'));
    await link.close();
    await reading;
    expect(seen).toEqual(['connecting', 'up', 'closed']);
  });

  it('stops the tries of a link that never came up', async () => {
    const service = await serve();
    const dead = addressOf(service);
    await service.stop();
    const { link, changes } = open(dead);
    await state(link, is('down'));
    await link.close();
    const seen = changes.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(changes).toHaveLength(seen);
  });
});
