import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { Client, LinkOptions } from '../../src/client.js';
import { createService } from '../../src/service/service.js';
import { FakeClock } from '../fake-clock.js';
import { closeLast, is, open, pass, responder, scripted, serve, state } from './linked.js';
import { frame } from './scripted-server.js';

const [PASS, FAIL, DRAINING] = [1, 3, 4];
const TOO_OLD = 2;

const goaway = (body = '', reason = 1) => frame(6, 0, reason, 0n, body);
const answering = (status: () => number) => scripted(responder(() => true, '{}', status));

/** A link that is up at the first address, with a heartbeat every second. */
async function up(addresses: string | string[], options: LinkOptions = {}) {
  const clock = new FakeClock();
  const opened = open(addresses, {
    clock,
    heartbeat: { interval: 1000, maxPingsOut: 3 },
    random: () => 0.5,
    ...options,
  });
  while (opened.link.state !== 'up') await pass(clock, 50);
  return { ...opened, clock, states: () => opened.changes.map((change) => change.state) };
}

/** Advances the clock until `reached`. Returns by how much, in milliseconds. */
async function timeUntil(reached: () => boolean, clock: FakeClock): Promise<number> {
  const begun = clock.now();
  while (!reached()) await pass(clock, 50);
  return clock.now() - begun;
}

/** Sends a GOAWAY to the current client of the link, and waits until it has arrived. */
async function sendGoaway(client: Client | undefined, write: (bytes: Buffer) => unknown, bytes: Buffer): Promise<void> {
  const received = once(client as Client, 'goaway');
  write(bytes);
  await received;
}

describe('a link with one address, after GOAWAY', () => {
  it.each([1, TOO_OLD, 3, 77])(
    'with reason %d keeps its connection, opens the next one at reconnectAfterMs, and then closes the old one',
    async (reason) => {
      const server = await answering(() => PASS);
      const { link, clock, states } = await up(server.address);
      const [first] = server.sockets;
      const ended = once(first as never, 'end');
      await sendGoaway(
        link.client,
        (bytes) => first?.write(bytes),
        goaway('{"graceMs":20000,"reconnectAfterMs":3000}', reason),
      );
      const waited = await timeUntil(() => server.sockets.length === 2, clock);
      expect(waited).toBeGreaterThanOrEqual(3000);
      expect(waited).toBeLessThanOrEqual(3200);
      await timeUntil(() => link.state === 'up', clock);
      expect(states()).toEqual(['connecting', 'up', 'draining', 'connecting', 'up']);
      await ended;
    },
  );

  it('opens the next connection immediately without reconnectAfterMs', async () => {
    const server = await answering(() => PASS);
    const { link, clock } = await up(server.address);
    await sendGoaway(link.client, (bytes) => server.sockets[0]?.write(bytes), goaway());
    expect(await timeUntil(() => server.sockets.length === 2, clock)).toBeLessThanOrEqual(200);
  });

  it('waits as long if the old connection ends first, and is down until then', async () => {
    const server = await answering(() => PASS);
    const { link, clock } = await up(server.address);
    await sendGoaway(
      link.client,
      (bytes) => server.sockets[0]?.write(bytes),
      goaway('{"graceMs":500,"reconnectAfterMs":5000}'),
    );
    const sentAt = clock.now();
    server.sockets[0]?.end();
    await timeUntil(() => link.state === 'down', clock);
    await timeUntil(() => server.sockets.length === 2, clock);
    expect(clock.now() - sentAt).toBeGreaterThanOrEqual(5000);
    expect(clock.now() - sentAt).toBeLessThanOrEqual(5200);
  });

  it('waits at most an hour', async () => {
    const server = await answering(() => PASS);
    const { link, clock } = await up(server.address, { heartbeat: { interval: 600_000, maxPingsOut: 3 } });
    await sendGoaway(
      link.client,
      (bytes) => server.sockets[0]?.write(bytes),
      goaway('{"reconnectAfterMs":2147483647}'),
    );
    await clock.advance(3_590_000);
    expect(server.sockets).toHaveLength(1);
    expect(await timeUntil(() => server.sockets.length === 2, clock)).toBeLessThanOrEqual(10_200);
  });

  it('that is repeated uses the last one, whether it is later or earlier', async () => {
    const server = await answering(() => PASS);
    const { link, clock } = await up(server.address);
    const write = (bytes: Buffer) => server.sockets[0]?.write(bytes);
    await sendGoaway(link.client, write, goaway('{"reconnectAfterMs":2000}'));
    await pass(clock, 1000);
    await sendGoaway(link.client, write, goaway('{"reconnectAfterMs":60000}'));
    await pass(clock, 5000);
    expect(server.sockets).toHaveLength(1);
    await sendGoaway(link.client, write, goaway('{"reconnectAfterMs":1000}'));
    const waited = await timeUntil(() => server.sockets.length === 2, clock);
    expect(waited).toBeGreaterThanOrEqual(1000);
    expect(waited).toBeLessThanOrEqual(1300);
  });

  it('on each new connection, reconnects with backoff', async () => {
    const server = await scripted((seen, socket) => {
      responder(() => true)(seen, socket);
      if (seen.type === 1) socket.write(goaway());
    });
    const clock = new FakeClock();
    open(server.address, { clock, random: () => 0.5, backoff: {} });
    await pass(clock, 20_000);
    expect(server.sockets.length).toBeGreaterThan(3);
    expect(server.sockets.length).toBeLessThan(12);
  });

  it('stays draining, regardless of the PONGs, and keeps the connection while a new one is draining too', async () => {
    let status = DRAINING;
    const server = await answering(() => status);
    const clock = new FakeClock();
    const { link, changes } = open(server.address, {
      clock,
      heartbeat: { interval: 1000, maxPingsOut: 3 },
      random: () => 0.5,
    });
    while (link.state !== 'draining') await pass(clock, 50);
    const { client } = link;
    await sendGoaway(client, (bytes) => server.sockets[0]?.write(bytes), goaway('{"reconnectAfterMs":2000}'));
    await pass(clock, 6000);
    // A new connection was tried, and closed because that server is draining too.
    expect(server.sockets.length).toBeGreaterThan(1);
    expect(link.client).toBe(client);
    status = FAIL;
    await timeUntil(() => link.state === 'up', clock);
    expect(changes.map((change) => change.state)).toEqual(['connecting', 'draining', 'connecting', 'up']);
    expect(link.status).toBe('fail');
  });

  it('opens nothing and keeps no timer if it is closed while it waits', async () => {
    for (const isConnected of [true, false]) {
      const server = await answering(() => PASS);
      const { link, clock } = await up(server.address);
      await sendGoaway(link.client, (bytes) => server.sockets[0]?.write(bytes), goaway('{"reconnectAfterMs":3000}'));
      server.sockets[0]?.on('end', () => server.sockets[0]?.end());
      if (!isConnected) server.sockets[0]?.destroy();
      await timeUntil(() => (link.client !== undefined) === isConnected, clock);
      await link.close();
      await pass(clock, 5000);
      expect(server.sockets).toHaveLength(1);
      expect(clock.timers).toBe(0);
    }
  });
});

describe('a link with two addresses, after GOAWAY', () => {
  it('switches to the other one immediately, and does not return before reconnectAfterMs', async () => {
    const [first, second] = [await answering(() => PASS), await answering(() => PASS)];
    const { link, clock } = await up([first.address, second.address]);
    await sendGoaway(
      link.client,
      (bytes) => first.sockets[0]?.write(bytes),
      goaway('{"graceMs":1000,"reconnectAfterMs":8000}'),
    );
    const sentAt = clock.now();
    expect(await timeUntil(() => link.state === 'up' && second.sockets.length === 1, clock)).toBeLessThanOrEqual(200);
    await timeUntil(() => first.sockets.length === 2, clock);
    expect(clock.now() - sentAt).toBeGreaterThanOrEqual(8000);
    expect(clock.now() - sentAt).toBeLessThanOrEqual(8200);
  });

  it('does not return earlier when the other connection is lost', async () => {
    const [first, second] = [await answering(() => PASS), await answering(() => PASS)];
    const { link, clock } = await up([first.address, second.address]);
    await sendGoaway(link.client, (bytes) => first.sockets[0]?.write(bytes), goaway('{"reconnectAfterMs":8000}'));
    const sentAt = clock.now();
    await timeUntil(() => link.state === 'up', clock);
    await second.stop();
    await timeUntil(() => first.sockets.length === 2, clock);
    expect(clock.now() - sentAt).toBeGreaterThanOrEqual(8000);
    expect(clock.now() - sentAt).toBeLessThanOrEqual(8200);
  });

  it('returns to the same one at reconnectAfterMs while the other is not healthy', async () => {
    const [first, second] = [await answering(() => PASS), await answering(() => FAIL)];
    const { link, clock } = await up([first.address, second.address], {
      heartbeat: { interval: 10_000, maxPingsOut: 3 },
    });
    await sendGoaway(link.client, (bytes) => first.sockets[0]?.write(bytes), goaway('{"reconnectAfterMs":3000}'));
    const waited = await timeUntil(() => first.sockets.length === 2, clock);
    expect(waited).toBeGreaterThanOrEqual(3000);
    expect(waited).toBeLessThanOrEqual(3200);
    expect(second.sockets.length).toBeGreaterThan(0);
  });

  it('that is repeated does not probe the other one without pause', async () => {
    const [first, second] = [await answering(() => PASS), await answering(() => FAIL)];
    const { link, clock } = await up([first.address, second.address]);
    const { client } = link;
    for (let count = 1; count <= 20; count++) {
      await sendGoaway(client, (bytes) => first.sockets[0]?.write(bytes), goaway('{"reconnectAfterMs":60000}'));
      await pass(clock, 50);
    }
    expect(link.client).toBe(client);
    // The HELLO and the PING of one probe, and those of another one a second later.
    expect(second.frames.length).toBeLessThanOrEqual(4);
  });
});

describe('a link to a real responder that drains and restarts on the same port', () => {
  it('stays connected until the end of the grace, and is up again after the restart', async () => {
    const grace = 800;
    const first = await serve({ drain: { grace, delay: 0 } });
    const address = first.addresses[0] as string;
    const { link, changes } = open(address, { heartbeat: { interval: 50, maxPingsOut: 3 } });
    await state(link, is('up'));
    const received = once(link.client as Client, 'goaway');
    const drained = first.drain();
    const [{ graceMs, reconnectAfterMs }] = await received;
    expect(reconnectAfterMs).toBeGreaterThanOrEqual(graceMs);
    await drained;
    const { accepted } = first.server.stats;
    const second = createService({ listen: [{ url: address }], http: false });
    await second.start();
    closeLast(() => second.stop());
    await state(link, is('up'));
    // On a busy machine, the link may be suspect in between.
    const states = changes.map((change) => change.state).filter((one) => one !== 'suspect');
    const different = states.filter((one, index) => one !== states[index - 1]);
    expect(different).toEqual(['connecting', 'up', 'draining', 'down', 'connecting', 'up']);
    // The draining server has seen no second connection.
    expect(accepted).toBe(1);
  });
});
