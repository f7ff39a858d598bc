import { describe, expect, it } from '@jest/globals';
import { heartbeatPresets, type LinkChange, type LinkOptions, openLink } from '../../src/client.js';
import { createService, type Service } from '../../src/service/service.js';
import { FakeClock } from '../fake-clock.js';
import { closeLast, is, open, pass, responder, scripted, serve, state, turns } from './linked.js';
import { frame } from './scripted-server.js';

const portOf = (address: LinkChange['address']) => ('port' in address ? address.port : 0);
const addressOf = (service: Service) => service.addresses[0] as string;

describe('a link', () => {
  it('is up after the first PONG, with its status and round-trip time', async () => {
    const service = await serve();
    const { link, changes } = open(addressOf(service), { name: 'billing' });
    await state(link, is('up'));
    expect(changes.map((change) => change.state)).toEqual(['connecting', 'up']);
    expect(link.status).toBe('pass');
    expect(link.roundTrips?.last).toBeGreaterThan(0);
    expect((await service.connections())[0]?.name).toBe('billing');
  });

  it('reconnects after a restart of the server, and calls onUp again', async () => {
    const first = await serve();
    const address = addressOf(first);
    const calls: string[] = [];
    const { link } = open(address, { onUp: () => calls.push('up'), onDown: () => calls.push('down') });
    await state(link, is('up'));
    await first.stop();
    const again = createService({ listen: [{ url: address }], http: false });
    await again.start();
    closeLast(() => again.stop());
    await state(link, is('up'));
    while (calls.length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual(['up', 'down', 'up']);
  });

  it('emits a change of the status', async () => {
    let well = true;
    const service = await serve({
      checks: {
        own: { kind: 'function', minInterval: 1, maxAge: 1, run: async () => ({ status: well ? 'pass' : 'fail' }) },
      },
    });
    const { link } = open(addressOf(service), { heartbeat: { interval: 20, maxPingsOut: 3 } });
    await state(link, is('up'));
    well = false;
    const status = await new Promise((resolve) => link.once('status', resolve));
    expect(status).toBe('fail');
    expect(link.state).toBe('up');
  });

  it('has the status of the selected checks or group', async () => {
    const service = await serve({
      checks: {
        db: { kind: 'function', run: async () => ({ status: 'fail' }) },
        disk: { kind: 'function', groups: ['edge'], run: async () => ({ status: 'warn' }) },
      },
    });
    const statusOf = async (options: LinkOptions) => {
      const { link } = open(addressOf(service), options);
      await state(link, is('up'));
      return link.status;
    };
    expect(await statusOf({})).toBe('fail');
    expect(await statusOf({ checks: ['disk'] })).toBe('warn');
    expect(await statusOf({ group: 'edge' })).toBe('warn');
    expect(await statusOf({ checks: ['disk', 'db'] })).toBe('fail');
  });

  it('warns once and sends heartbeats more often if the idle timeout of the server is shorter than the interval', async () => {
    const clock = new FakeClock();
    const server = await scripted(responder(() => true, '{"idleTimeoutMs":220}'));
    const warnings: string[] = [];
    const { link } = open(server.address, { clock });
    link.on('warning', (description) => warnings.push(description));
    await pass(clock, 100);
    expect(link.state).toBe('up');
    const pings = () => server.frames.filter(({ type }) => type === 1).length;
    const begun = pings();
    await pass(clock, 500, 10);
    expect(pings() - begun).toBeGreaterThanOrEqual(4);
    expect(warnings).toEqual([
      'heartbeat.interval is reduced from 10000 ms to 100 ms: the server closes connections that are idle for 220 ms',
    ]);
  });

  it('sends no heartbeat while there is traffic in both directions', async () => {
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
    // HELLO, the first heartbeat, and the traffic. Nothing else is sent in four intervals.
    expect(server.frames).toHaveLength(2 + 20);
  });
});

describe('a server that stops answering', () => {
  it.each(Object.entries(heartbeatPresets))('is suspected, then dead within the bounds of %s', async (name, beat) => {
    const clock = new FakeClock();
    let answers = true;
    // The server's interval must not matter: M58 counts intervals of this side.
    const server = await scripted(responder(() => answers, '{"heartbeat":{"wantMs":30000}}'));
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

  it('is not considered dead after a stall of this event loop until a whole limit has passed again', async () => {
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

  it('is not considered dead when the wall clock is set', async () => {
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

  it('that offered PINGs is dead after mult intervals of silence', async () => {
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
    expect(changes.find(({ state: found }) => found === 'down')?.why).toContain('nothing received for');
  });
});

describe('PINGs of the server', () => {
  it('are answered with the status that the health function returns', async () => {
    const service = await serve({ heartbeat: { pingInterval: 30 } });
    const { link } = open(addressOf(service), { serverPings: 30, health: () => 'warn' });
    await state(link, is('up'));
    while (!(await service.connections())[0]?.roundTrip) await new Promise((resolve) => setImmediate(resolve));
    expect((await service.connections())[0]?.pingsOut).toBeLessThanOrEqual(1);
  });
});

describe('a list of addresses', () => {
  const [PASS, FAIL] = [1, 3];
  const fast: LinkOptions = { heartbeat: { interval: 30, maxPingsOut: 3 } };
  const answering = (status: () => number) => scripted(responder(() => true, '{}', status));
  /** Advances the clock until the link is up at this port. */
  const upAt = async (port: number, clock: FakeClock, changes: readonly LinkChange[]) => {
    const isThere = ({ state: now, address }: LinkChange) => now === 'up' && portOf(address) === port;
    while (!changes.slice(-1).some(isThere)) await pass(clock, 50);
  };

  it('is tried in order, up to the first address that answers', async () => {
    const gone = await serve();
    const other = await serve();
    const dead = addressOf(gone);
    await gone.stop();
    const { link } = open([dead, addressOf(other)], fast);
    const up = await state(link, is('up'));
    expect(portOf(up.address)).toBe(Number(new URL(addressOf(other)).port));
  });

  it('fails over to a healthy address, and fails back when the first is healthy again', async () => {
    const clock = new FakeClock();
    let status = PASS;
    const [first, second] = [await answering(() => status), await answering(() => PASS)];
    const { changes } = open([first.address, second.address], { ...fast, clock });
    await upAt(first.port, clock, changes);
    status = FAIL;
    await upAt(second.port, clock, changes);
    status = PASS;
    await upAt(first.port, clock, changes);
  });

  it('does not fail back with failback false', async () => {
    const clock = new FakeClock();
    let status = FAIL;
    const [first, second] = [await answering(() => status), await answering(() => PASS)];
    const { changes } = open([first.address, second.address], { ...fast, clock, failback: false });
    await upAt(second.port, clock, changes);
    status = PASS;
    const seen = changes.length;
    await pass(clock, 3000);
    expect(changes).toHaveLength(seen);
  });

  it('keeps a failing address while no other is healthy', async () => {
    const clock = new FakeClock();
    const [first, second] = [await answering(() => FAIL), await answering(() => FAIL)];
    const { changes } = open([first.address, second.address], { ...fast, clock });
    while (second.sockets.length < 2) await pass(clock, 50);
    expect(changes.map((change) => change.state)).toEqual(['connecting', 'up']);
  });

  it('fails over on the GOAWAY of a draining server', async () => {
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
  it('of a link ends the iteration of its changes', async () => {
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

  it('cancels the retries of a link that was never up', async () => {
    const service = await serve();
    const dead = addressOf(service);
    await service.stop();
    const clock = new FakeClock();
    const { link, changes } = open(dead, { clock });
    while (link.state !== 'down') await pass(clock, 50);
    await link.close();
    const seen = changes.length;
    await pass(clock, 10_000);
    expect(changes).toHaveLength(seen);
    expect(clock.timers).toBe(0);
  });
});

describe('a watch on a link', () => {
  it('continues after a restart of the server, and ends with the link', async () => {
    const first = await serve();
    const address = addressOf(first);
    const { link } = open(address);
    const seen: string[] = [];
    let wake = () => {};
    const watching = (async () => {
      for await (const { status } of link.watch()) {
        seen.push(status);
        wake();
      }
    })();
    const more = () => new Promise<void>((resolve) => (wake = resolve));
    await more();
    await first.stop();
    const again = createService({ listen: [{ url: address }], http: false });
    const told = more();
    await again.start();
    closeLast(() => again.stop());
    await told;
    expect(seen.filter((status) => status === 'pass')).toHaveLength(2);
    await link.close();
    await watching;
  });

  it('throws if the server permits no watch', async () => {
    const service = await serve({ limits: { maxWatches: 1 } });
    const { link } = open(addressOf(service));
    await state(link, is('up'));
    const one = link.client?.watch();
    await expect(link.watch().next()).rejects.toMatchObject({ code: 'PONGCHECK_REFUSED' });
    one?.end();
  });
});

describe('the heartbeat of a link', () => {
  const beat = { interval: 1000, maxPingsOut: 3 };

  it('continues with maxPingsOut 0', async () => {
    const clock = new FakeClock();
    const server = await scripted(responder(() => true));
    const { link } = open(server.address, { clock, heartbeat: { interval: 1000, maxPingsOut: 0 } });
    await pass(clock, 5100);
    expect(server.frames.filter(({ type }) => type === 1).length).toBeGreaterThanOrEqual(5);
    expect(link.state).toBe('up');
  });

  it('detects a dead server by the timeout of one PING', async () => {
    const clock = new FakeClock();
    let answers = true;
    const server = await scripted(responder(() => answers));
    const { link, changes } = open(server.address, { clock, heartbeat: { interval: 1000, timeout: 3000 } });
    await pass(clock, 1500);
    answers = false;
    const silentSince = clock.now();
    while (link.state !== 'down') await pass(clock, 50);
    expect(clock.now() - silentSince).toBeGreaterThanOrEqual(3000);
    expect(changes.at(-1)?.why).toContain('was not answered for 3');
  });

  it('is up again when the server answers after a stall of this event loop', async () => {
    const clock = new FakeClock();
    let answers = true;
    const server = await scripted(responder(() => answers));
    const { link } = open(server.address, { clock, heartbeat: beat });
    await pass(clock, 100);
    answers = false;
    while (link.state !== 'suspect') await pass(clock, 50);
    clock.jump(10_000);
    answers = true;
    await pass(clock, 3000);
    expect(link.state).toBe('up');
  });

  it('does not treat a stall of this event loop as silence of the server', async () => {
    const clock = new FakeClock();
    const server = await scripted(responder(() => true, '{"heartbeat":{"canSendMs":500,"wantMs":0,"mult":2}}'));
    const { changes } = open(server.address, { clock, serverPings: 500, heartbeat: { ...beat, interval: 60_000 } });
    await pass(clock, 500);
    clock.jump(3000);
    await pass(clock, 100);
    expect(changes.map((change) => change.state)).toEqual(['connecting', 'up']);
  });

  it('does not treat a slow check as a dead server: PINGs of a fast heartbeat contain a deadline', async () => {
    const clock = new FakeClock();
    const server = await scripted((seen, socket) => {
      if (seen.type === 5) socket.write(frame(5, 0, 0, seen.id, '{}'));
      if (seen.type !== 1) return;
      const { timeoutMs = 2000 } = JSON.parse(seen.body || '{}') as { timeoutMs?: number };
      clock.after(timeoutMs, () => socket.write(frame(2, 2, 3, seen.id)));
    });
    const { changes } = open(server.address, { clock, heartbeat: { interval: 400, maxPingsOut: 3 } });
    await pass(clock, 20_000);
    expect(changes.map((change) => change.state)).not.toContain('down');
  });

  it('continues while the application has the maximum of requests outstanding', async () => {
    const clock = new FakeClock();
    const startup = 2;
    const server = await scripted(responder(({ code }) => code !== startup));
    const { link, changes } = open(server.address, { clock, heartbeat: beat });
    await pass(clock, 200);
    for (let i = 0; i < 1024; i++) link.client?.ping({ scope: 'startup', responseTimeout: 60_000 }).catch(() => {});
    await server.frame(2 + 1024);
    await pass(clock, 10_000);
    expect(changes.map((change) => change.state)).toEqual(['connecting', 'up']);
  });

  it('is up again when the server is no longer draining', async () => {
    const clock = new FakeClock();
    let status = 1;
    const server = await scripted(
      responder(
        () => true,
        '{}',
        () => status,
      ),
    );
    const { link } = open(server.address, { clock, heartbeat: beat });
    await pass(clock, 1000);
    status = 4;
    await pass(clock, 2000);
    expect(link.state).toBe('draining');
    status = 1;
    await pass(clock, 2000);
    expect(link.state).toBe('up');
  });

  it('does not reconnect before the delay in the GOAWAY', async () => {
    const clock = new FakeClock();
    const server = await scripted(responder(() => true));
    open(server.address, { clock });
    await pass(clock, 100);
    const [first] = server.sockets;
    first?.write(frame(6, 0, 1, 0n, '{"graceMs":500,"reconnectAfterMs":5000}'));
    await pass(clock, 200);
    first?.end();
    await pass(clock, 4700);
    expect(server.sockets).toHaveLength(1);
    while (server.sockets.length < 2) await pass(clock, 50);
  });

  it('receives the outstanding answers of a draining server', async () => {
    const clock = new FakeClock();
    const startup = 2;
    let answer = () => {};
    const first = await scripted((seen, socket) => {
      if (seen.code === startup) answer = () => socket.write(frame(2, 0, 1, seen.id));
      else responder(() => true)(seen, socket);
    });
    const second = await scripted(responder(() => true));
    const { link } = open([first.address, second.address], { clock });
    await pass(clock, 100);
    const asked = link.client?.ping({ scope: 'startup', responseTimeout: 8000 });
    await pass(clock, 100);
    first.sockets[0]?.write(frame(6, 0, 1, 0n, '{"graceMs":8000,"reconnectAfterMs":100}'));
    await pass(clock, 3000);
    expect(second.sockets).toHaveLength(1);
    answer();
    await pass(clock, 100);
    expect((await asked)?.status).toBe('pass');
  });

  it('handles an ERROR that arrives with the HELLO', async () => {
    const clock = new FakeClock();
    const server = await scripted((seen, socket) => {
      if (seen.type === 5) socket.write(Buffer.concat([frame(5, 0, 0, seen.id, '{}'), frame(0x7f, 1, 12, 0n)]));
    });
    const { link, changes } = open(server.address, { clock });
    while (!changes.some(is('down'))) await pass(clock, 50);
    expect(link.client).toBeUndefined();
  });

  it('reconnects with backoff to a server that answers once and closes', async () => {
    const clock = new FakeClock();
    const server = await scripted((seen, socket) => {
      if (seen.type === 5) socket.write(frame(5, 0, 0, seen.id, '{}'));
      if (seen.type === 1) socket.end(frame(2, 0, 1, seen.id));
    });
    open(server.address, { clock, random: () => 0.5, backoff: {} });
    await pass(clock, 20_000);
    expect(server.sockets.length).toBeLessThan(12);
  });

  it('probes a preferred server with backoff', async () => {
    const clock = new FakeClock();
    let looks = 0;
    const first = await scripted((seen, socket) => {
      if (seen.type === 1) looks++;
      responder(
        () => true,
        '{}',
        () => 3,
      )(seen, socket);
    });
    const second = await scripted(responder(() => true));
    open([first.address, second.address], { clock, heartbeat: beat, backoff: {} });
    await pass(clock, 60_000);
    expect(looks).toBeGreaterThan(3);
    expect(looks).toBeLessThan(20);
  });

  it('leaves no socket when it is closed during the HELLO', async () => {
    const server = await scripted(() => {});
    const { link } = open(server.address);
    await server.frame();
    const [socket] = server.sockets;
    const gone = new Promise((resolve) => socket?.once('close', resolve));
    await link.close();
    socket?.end();
    await gone;
    expect(link.client).toBeUndefined();
  });

  it('calls onDown before the next onUp, once for each connection, and at the end', async () => {
    const calls: string[] = [];
    const server = await scripted(responder(() => true));
    const { link } = open(server.address, {
      backoff: { initial: 1 },
      onUp: () => calls.push('up'),
      onDown: async () => {
        calls.push('cleaning');
        await turns(50);
        calls.push('clean');
      },
    });
    while (calls.length < 1) await turns();
    server.sockets[0]?.destroy();
    while (calls.length < 4) await turns();
    await link.close();
    expect(calls).toEqual(['up', 'cleaning', 'clean', 'up', 'cleaning', 'clean']);
  });

  it.each([
    [{ heartbeat: { interval: 0, maxPingsOut: 1 } }, 'heartbeat.interval'],
    [{ heartbeat: { interval: 1000, maxPingsOut: -1 } }, 'heartbeat.maxPingsOut'],
    [{ heartbeat: 'lazy' }, 'heartbeat'],
    [{ serverPings: -1 }, 'serverPings'],
  ])('refuses %j before anything is opened', (options, name) => {
    const before = process.getActiveResourcesInfo().length;
    expect(() => openLink('127.0.0.1', options as LinkOptions)).toThrow(`${name} is `);
    expect(process.getActiveResourcesInfo()).toHaveLength(before);
  });
});
