import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../fake-clock.js';
import { FakeHealth } from './fake-health.js';
import { serve as serveDirectly, turnsUntil } from './harness.js';
import type { Peer } from './peer.js';
import { describeServed, LONG_OUTPUT, manyChecks } from './scripted-service.js';

const id = '00000000000000a1';
const other = '00000000000000a2';
const watch = (of = id, flags = '00', body = '') =>
  `${(12 + body.length).toString(16).padStart(8, '0')}0103${flags}00${of}${Buffer.from(body).toString('hex')}`;
const status = (of: string, code: string) => `0000000c01040000`.replace(/00$/, code) + of;
const ping = (of: string) => `0000000c01010000${of}`;
const pong = (of: string, code = '01') => `0000000c010200${code}${of}`;

/** The reports of more than half of them exceed the limit. */
const many = manyChecks(130);
const withLongReport = () => ({ status: 'pass', output: LONG_OUTPUT }) as const;

describeServed('a WATCH', (serve) => {
  it('is answered immediately, and again on each change', async () => {
    const { connect, health, stats, service } = await serve();
    const peer = await connect();
    peer.sendHex(watch());
    expect(await peer.hex(16)).toBe(status(id, '01'));
    await health.set('fail');
    expect(await peer.hex(16)).toBe(status(id, '03'));
    await health.drain();
    expect(await peer.hex(16)).toBe(status(id, '04'));
    expect(stats.watches).toBe(1);
    expect(stats.statuses).toMatchObject({ pass: 1, fail: 1, draining: 1 });
    expect(await service.connections()).toMatchObject([{ watches: 1, framesOut: 3 }]);
  });

  it('has the report if the client requests it and may see details', async () => {
    for (const detail of ['always', 'never'] as const) {
      const { connect } = await serve({ detail });
      const peer = await connect();
      peer.sendHex(watch(id, '02'));
      const { type, code, body } = await peer.frame();
      expect([type, code]).toEqual(['04', '01']);
      if (detail === 'always') expect(body).toMatchObject({ state: 'pass', checks: { db: [{ state: 'pass' }] } });
      else expect(body).toBeUndefined();
    }
  });

  it('omits the checks of a report that is too long, and reports that', async () => {
    const { connect, health } = await serve({ checks: manyChecks(250) });
    await health.set(withLongReport);
    const peer = await connect();
    peer.sendHex(watch(id, '02'));
    const { type, flags, body } = await peer.frame();
    expect([type, flags]).toEqual(['04', '04']);
    expect(body).not.toHaveProperty('checks');
  });

  it('replaces one with its id', async () => {
    const { connect, health, stats } = await serve();
    const peer = await connect();
    peer.sendHex(watch() + watch());
    expect(await peer.hex(32)).toBe(status(id, '01') + status(id, '01'));
    expect(stats.watches).toBe(1);
    await health.set('fail');
    expect(await peer.hex(16)).toBe(status(id, '03'));
    peer.sendHex(watch(other));
    expect(await peer.hex(16)).toBe(status(other, '03'));
    expect(stats.watches).toBe(2);
  });

  it('is ended by CANCEL, which is not answered', async () => {
    const { connect, health, stats } = await serve();
    const peer = await connect();
    peer.sendHex(watch());
    await peer.hex(16);
    peer.sendHex(watch(id, '01') + watch(other, '01') + ping(other));
    expect(await peer.hex(16)).toBe(pong(other));
    await health.set('warn');
    peer.sendHex(ping(other));
    expect(await peer.hex(16)).toBe(pong(other, '02'));
    expect(stats.watches).toBe(0);
  });

  it('beyond the limit is answered with ERROR 7, and the connection continues', async () => {
    const { connect, stats } = await serve({ limits: { maxWatches: 1 } });
    const peer = await connect();
    peer.sendHex(watch());
    await peer.hex(16);
    peer.sendHex(watch(other));
    expect(await peer.frame()).toMatchObject({ type: '7f', flags: '00', code: '07', id: other });
    peer.sendHex(watch() + ping(other));
    expect(await peer.hex(32)).toBe(status(id, '01') + pong(other));
    expect([stats.watches, stats.errors[7]]).toEqual([1, 1]);
  });

  it('beyond the limit of watched selections is answered with ERROR 7, and replaces none', async () => {
    const { connect, stats } = await serve({ checks: ['a', 'b'], limits: { maxWatchedSelections: 1 } });
    const peer = await connect();
    peer.sendHex(watch(id, '00', '{"checks":["a"]}') + watch(other, '00', '{"checks":["b"]}'));
    expect([(await peer.frame()).type, await peer.frame()]).toMatchObject([
      '04',
      { type: '7f', flags: '00', code: '07' },
    ]);
    expect([stats.watches, stats.errors[7]]).toEqual([1, 1]);
    peer.sendHex(watch(id, '01') + watch(other, '00', '{"checks":["b"]}'));
    expect(await peer.frame()).toMatchObject({ type: '04', id: other });
  });

  it.each([
    ['a body that names both checks and a group', '{"checks":["a"],"group":"b"}'],
    ['a scope that is none', '{"scope":3}'],
  ])('with %s is refused with ERROR 5', async (_what, body) => {
    const { connect, stats } = await serve();
    const peer = await connect();
    peer.sendHex(watch(id, '00', body));
    expect(await peer.frame()).toMatchObject({ type: '7f', flags: '01', code: '05', id });
    await peer.untilEnd();
    expect(stats.watches).toBe(0);
  });

  it.each<[string, (peer: Peer) => unknown]>([
    ['the FIN of its client', (peer) => peer.socket.end()],
    ['a PING with CLOSE', (peer) => peer.sendHex(`0000000c01010200${other}`)],
    ['a reset', (peer) => peer.socket.resetAndDestroy()],
  ])('ends with %s', async (_what, leave) => {
    const { connect, stats } = await serve();
    const peer = await connect();
    peer.sendHex(watch());
    await peer.hex(16);
    expect(stats.watches).toBe(1);
    leave(peer);
    await turnsUntil(() => stats.watches === 0);
  });

  it('keeps a check without an interval running while it is open', async () => {
    const { connect, health, stats } = await serve();
    await health.hold();
    const peer = await connect();
    peer.sendHex(watch());
    expect(await peer.hex(16)).toBe(status(id, '01'));
    await health.settle('fail');
    expect(await peer.hex(16)).toBe(status(id, '03'));
    expect(stats.waiting).toBe(0);
  });

  it('is not offered if none is allowed', async () => {
    const { connect } = await serve({ limits: { maxWatches: 0 } });
    const peer = await connect();
    peer.sendHex(watch());
    expect(await peer.frame()).toMatchObject({
      type: '7f',
      code: '07',
      body: { message: 'WATCH is disabled on this server' },
    });
  });

  it('is answered before a FIN that follows immediately, even if the answers are long', async () => {
    const { connect, health, stats } = await serve({ checks: many });
    await health.set(withLongReport);
    const peer = await connect();
    const ids = Array.from({ length: 20 }, (_, n) => (n + 1).toString(16).padStart(16, '0'));
    peer.sendHex(ids.map((of) => watch(of, '02')).join(''));
    peer.socket.end();
    for (const of of ids) expect(await peer.frame()).toMatchObject({ type: '04', id: of });
    expect(await peer.untilEnd()).toHaveLength(0);
    expect(stats.watches).toBe(0);
  });
});

describeServed('a WATCH on a service that drains or stops', (serve) => {
  const hello = `0000000c01050000${other}`;

  it('receives the STATUS draining before GOAWAY', async () => {
    const { connect, health, service } = await serve({ drain: { grace: 60_000, delay: 60_000 } });
    const peer = await connect();
    peer.sendHex(hello + watch());
    expect([(await peer.frame()).type, (await peer.frame()).type]).toEqual(['05', '04']);
    // The update with this result is in transit when the drain begins.
    const changed = health.set('warn');
    void service.drain();
    const frames: string[] = [];
    while (!frames.includes('06')) frames.push((await peer.frame()).type);
    expect(frames.at(-2)).toBe('04');
    expect(frames.length).toBeLessThanOrEqual(3);
    await changed;
  });

  it('receives each due STATUS before FIN, even if the reports are long', async () => {
    const { connect, health, service } = await serve({ checks: many });
    await health.set(withLongReport);
    const peer = await connect();
    const ids = Array.from({ length: 16 }, (_, n) => (n + 1).toString(16).padStart(16, '0'));
    peer.sendHex(ids.map((of) => watch(of, '02')).join(''));
    for (const of of ids) expect(await peer.frame()).toMatchObject({ type: '04', code: '01', id: of });
    const stopped = service.stop();
    for (const of of ids) expect(await peer.frame()).toMatchObject({ type: '04', code: '04', id: of });
    expect(await peer.untilEnd()).toHaveLength(0);
    peer.socket.end();
    await stopped;
  });
});

/** Changes the state, and notifies all subscriptions. */
function change(health: FakeHealth, state: FakeHealth['ready']): void {
  health.ready = state;
  for (const notify of health.watchers) notify();
}

// What happens in one turn of the event loop, and in the queue of one connection.
describe('a WATCH', () => {
  it('sends one STATUS for several changes in one turn', async () => {
    const { connect, health } = await serveDirectly();
    const peer = await connect();
    peer.sendHex(watch());
    await peer.hex(16);
    change(health, 'fail');
    change(health, 'warn');
    change(health, 'unknown');
    peer.sendHex(ping(other));
    // PINGs also get the health's state immediately here.
    health.atOnce = 'pass';
    expect(await peer.hex(16)).toBe(status(id, '00'));
  });

  it.each<[string, (peer: Peer) => unknown]>([
    ['its client leaves', (peer) => peer.socket.end()],
    ['it is cancelled', (peer) => peer.sendHex(watch(id, '01'))],
  ])('ends its subscription when %s', async (_what, leave) => {
    const { connect, health } = await serveDirectly();
    const peer = await connect();
    peer.sendHex(watch());
    await peer.hex(16);
    expect(health.watchers.size).toBe(1);
    leave(peer);
    await turnsUntil(() => health.watchers.size === 0);
  });

  it('gives a client that does not read the latest status when it reads again, and none twice', async () => {
    const health = new FakeHealth();
    health.report = { long: 'x'.repeat(60_000) };
    const { connect, server, stats } = await serveDirectly({ health });
    const peer = await connect();
    peer.socket.pause();
    peer.sendHex(watch(id, '02'));
    await turnsUntil(() => stats.watches === 1);
    const [connection] = server.connections;
    let n = 0;
    const flap = async () => {
      health.report = { n: n++, long: 'x'.repeat(60_000) };
      change(health, n % 2 ? 'pass' : 'fail');
      await new Promise((resolve) => setImmediate(resolve));
    };
    // Changes the state until the kernel accepts no more, and then as many times again.
    while (connection?.info().queuedBytes === 0) await flap();
    for (const until = 2 * n; n < until; ) await flap();
    health.report = { n: 'last' };
    change(health, 'warn');
    expect(connection?.info().queuedBytes).toBeLessThan(200_000);
    peer.socket.resume();
    let last: Awaited<ReturnType<typeof peer.frame>>;
    let frames = 0;
    do {
      last = await peer.frame();
      frames++;
    } while (last.code !== '02');
    expect(last.body).toEqual({ n: 'last' });
    expect(frames).toBe(Object.values(stats.statuses).reduce((a, b) => a + b));
    expect(frames).toBeLessThan(n);
  });
});

describe('a WATCH on a server that drains or closes', () => {
  it('receives the STATUS draining before GOAWAY', async () => {
    const clock = new FakeClock();
    const { connect, health, server } = await serveDirectly({ clock });
    const peer = await connect();
    peer.sendHex(`0000000c01050000${other}`);
    expect((await peer.frame()).type).toBe('05');
    peer.sendHex(watch());
    await peer.hex(16);
    change(health, 'draining');
    server.goaway(0);
    await clock.advance(0);
    expect(await peer.hex(16)).toBe(status(id, '04'));
    expect((await peer.frame()).type).toBe('06');
  });

  it('receives a change whose notification is still scheduled before GOAWAY, and before FIN', async () => {
    const clock = new FakeClock();
    const { connect, health, server } = await serveDirectly({ clock });
    const peer = await connect();
    peer.sendHex(`0000000c01050000${other}${watch()}`);
    expect([(await peer.frame()).type, (await peer.frame()).type]).toEqual(['05', '04']);
    const changeLater = (state: FakeHealth['ready']) => {
      health.ready = state;
      health.pending = new Set(health.watchers);
    };
    changeLater('draining');
    server.goaway(0);
    await clock.advance(0);
    expect(await peer.hex(16)).toBe(status(id, '04'));
    expect((await peer.frame()).type).toBe('06');
    changeLater('fail');
    const closed = server.close();
    expect((await peer.untilEnd()).toString('hex')).toBe(status(id, '03'));
    peer.socket.end();
    await closed;
  });

  it('receives the latest STATUS before FIN', async () => {
    const { connect, health, server } = await serveDirectly({ clock: new FakeClock() });
    const peer = await connect();
    peer.sendHex(watch());
    await peer.hex(16);
    change(health, 'draining');
    const closed = server.close();
    expect((await peer.untilEnd()).toString('hex')).toBe(status(id, '04'));
    peer.socket.end();
    await closed;
  });

  it('receives each due STATUS before GOAWAY, and before FIN, even if the reports are long', async () => {
    const health = new FakeHealth();
    health.report = { long: 'x'.repeat(60_000) };
    const ids = Array.from({ length: 16 }, (_, n) => (n + 1).toString(16).padStart(16, '0'));
    const types = async (peer: Awaited<ReturnType<Awaited<ReturnType<typeof serveDirectly>>['connect']>>) => {
      const received: string[] = [];
      for (let frames = 0; frames < ids.length; frames++) received.push((await peer.frame()).type);
      return received;
    };
    const { connect, server } = await serveDirectly({ health });
    const peer = await connect();
    peer.sendHex(`0000000c01050000${other}`);
    expect((await peer.frame()).type).toBe('05');
    peer.sendHex(ids.map((of) => watch(of, '02')).join(''));
    expect(new Set(await types(peer))).toEqual(new Set(['04']));
    change(health, 'draining');
    server.goaway(0);
    expect(new Set(await types(peer))).toEqual(new Set(['04']));
    expect((await peer.frame()).type).toBe('06');
    change(health, 'fail');
    const closed = server.close();
    expect(new Set(await types(peer))).toEqual(new Set(['04']));
    expect(await peer.untilEnd()).toHaveLength(0);
    peer.socket.end();
    await closed;
  });
});
