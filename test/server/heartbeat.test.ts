import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../fake-clock.js';
import { type Options, pass, portOf, serve, turnsUntil } from './harness.js';
import { frame, type Peer, ping, pong } from './peer.js';
import { describeServed } from './scripted-service.js';

const id = 'a1a2a3a4a5a6a7a8';

async function onHello(peer: Peer, heartbeat?: object, name?: string) {
  peer.sendHex(frame('05', id, { ...(heartbeat && { heartbeat }), ...(name && { name }) }));
  return peer.frame();
}

async function serveWith(heartbeat: Options['heartbeat']) {
  const clock = new FakeClock();
  return { clock, ...(await serve({ clock, ...(heartbeat && { heartbeat }) })) };
}

describe('HELLO', () => {
  it('is answered with what the server can send and wants to receive', async () => {
    const { connect } = await serveWith({ pingInterval: 20_000 });
    const peer = await connect();
    expect((await onHello(peer)).body).toMatchObject({ heartbeat: { canSendMs: 20_000, wantMs: 30_000, mult: 3 } });
  });

  it('starts no PINGs to a client that does not want them, and silence without HELLO does not either', async () => {
    const { clock, connect } = await serveWith({ pingInterval: 1000, idleTimeout: 0 });
    const peers = [await connect(), await connect(), await connect()] as [Peer, Peer, Peer];
    await onHello(peers[0]);
    await onHello(peers[1], { wantMs: 0, canSendMs: 500 });
    peers[2].sendHex(ping(id));
    await peers[2].hex(16);
    await pass(clock, 5000);
    expect(peers.map(({ received }) => received.length)).toEqual([0, 0, 0]);
  });
});

describe('PINGs of the server', () => {
  it('are sent at the larger of both intervals, with scope 1 and the data of the application', async () => {
    const { clock, connect, server } = await serveWith({ pingInterval: 1000, pingData: { region: 'eu' } });
    const peer = await connect();
    await onHello(peer, { wantMs: 4000 });
    while (peer.received.length === 0) await pass(clock, 50);
    const first = await peer.frame();
    expect(first).toMatchObject({ type: '01', code: '01', body: { region: 'eu' } });
    peer.sendHex(pong(first.id, '01'));
    const [connection] = server.connections;
    await turnsUntil(() => connection?.info().roundTrip !== undefined);
    expect(connection?.info()).toMatchObject({ pingsOut: 0, framesIn: 2, framesOut: 2 });
    expect(server.stats.ignoredFrames).toBe(0);
    const cameAt: number[] = [];
    while (cameAt.length < 5) {
      await pass(clock, 50);
      if (peer.received.length === 0) continue;
      cameAt.push(clock.now());
      peer.sendHex(pong((await peer.frame()).id, '01'));
    }
    const gaps = cameAt.slice(1).map((at, i) => at - (cameAt[i] as number));
    // The slack covers the sweep period and the step of this test. The range covers the jitter.
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(3000 - 200);
    for (const gap of gaps) expect(gap).toBeLessThanOrEqual(4000 + 200);
  });

  it('detect a client that does not answer: ERROR 13 when the one after maxPingsOut is due', async () => {
    const { clock, connect, stats } = await serveWith({ pingInterval: 1000, maxPingsOut: 2 });
    const peer = await connect();
    await onHello(peer, { wantMs: 1 });
    await pass(clock, 1450);
    expect(stats.open).toBe(1);
    await pass(clock, 1900);
    const frames = [await peer.frame(), await peer.frame(), await peer.frame()];
    expect(frames.map(({ type, code }) => type + code)).toEqual(['0101', '0101', '7f0d']);
    peer.socket.end();
    await turnsUntil(() => stats.closed.dead === 1);
  });

  it('do not close a client that sends any data', async () => {
    const { clock, connect, stats } = await serveWith({ pingInterval: 1000, maxPingsOut: 1 });
    const peer = await connect();
    await onHello(peer, { wantMs: 1 });
    for (let i = 0; i < 10; i++) {
      await pass(clock, 500);
      const before = stats.bytesIn;
      peer.sendHex(ping(id, { scope: '01' }));
      await turnsUntil(() => stats.bytesIn > before);
    }
    expect(stats.closed.dead).toBe(0);
  });

  it('close no connection after a stall of the own event loop until another whole limit has passed', async () => {
    const { clock, connect, stats } = await serveWith({ pingInterval: 1000, maxPingsOut: 3 });
    const peer = await connect();
    await onHello(peer, { wantMs: 1 });
    await pass(clock, 1900);
    clock.jump(9000);
    await pass(clock, 2900);
    expect(peer.ended).toBe(false);
    await pass(clock, 1400);
    await peer.untilEnd();
    expect(stats.errors[13]).toBe(1);
  });

  it('never close with maxPingsOut 0', async () => {
    const { clock, connect, stats } = await serveWith({ pingInterval: 1000, maxPingsOut: 0, idleTimeout: 0 });
    const peer = await connect();
    await onHello(peer, { wantMs: 1 });
    await pass(clock, 20_000);
    expect(stats.open).toBe(1);
    expect(peer.received.length).toBeGreaterThanOrEqual(19 * 16);
  });

  it('are sent with maxPingsOut 0 although each sweep is slightly late', async () => {
    const { clock, connect } = await serveWith({ pingInterval: 1000, maxPingsOut: 0, idleTimeout: 0 });
    const peer = await connect();
    await onHello(peer, { wantMs: 1000 });
    for (let step = 0; step < 100; step++) {
      clock.jump(60);
      await pass(clock, 50);
    }
    expect(peer.received.length).toBeGreaterThanOrEqual(16 * 3);
  });

  it('do not synchronize: the first PINGs to many clients are spread over the interval', async () => {
    const { clock, connect, stats } = await serveWith({ pingInterval: 2000, idleTimeout: 0 });
    const peers = await Promise.all(Array.from({ length: 40 }, connect));
    for (const peer of peers) await onHello(peer, { wantMs: 1 });
    const before = stats.bytesOut;
    const arrived = () => peers.reduce((octets, { received }) => octets + received.length, 0);
    const pinged: number[] = [];
    for (let step = 0; step < 4; step++) {
      await pass(clock, 500);
      await turnsUntil(() => arrived() === stats.bytesOut - before);
      pinged.push(peers.filter(({ received }) => received.length > 0).length);
    }
    const [first, second, third] = pinged as [number, number, number];
    expect(first).toBeGreaterThan(0);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
  });
});

describe('a client that announced PINGs', () => {
  it('is dead after mult intervals of silence, before the idle timeout', async () => {
    const { clock, connect, stats } = await serveWith({ idleTimeout: 9000 });
    const peer = await connect();
    await onHello(peer, { canSendMs: 1000, mult: 1 });
    await pass(clock, 2900);
    expect(stats.open).toBe(1);
    await pass(clock, 300);
    expect((await peer.untilEnd()).toString('hex').slice(8, 16)).toBe('017f010d');
  });
});

describe('connections', () => {
  it('are listed with their counters and times', async () => {
    const { clock, connect, server, port } = await serveWith({});
    const events: unknown[] = [];
    server.events.on('connect', ({ id: number }) => events.push(['connect', number]));
    server.events.on('ping', (_info, count) => events.push(['ping', count]));
    server.events.on('close', (info, reason, errno) => events.push(['close', info.id, reason, errno]));
    const peer = await connect();
    await onHello(peer, undefined, 'billing');
    await clock.advance(1000);
    peer.sendHex(ping(id) + ping(id));
    await peer.hex(32);
    const [connection] = server.connections;
    const info = connection?.info();
    expect(info).toMatchObject({
      remoteAddress: '127.0.0.1',
      remotePort: peer.socket.localPort,
      listener: `pong://127.0.0.1:${port}`,
      mode: 'binary',
      name: 'billing',
      framesIn: 3,
      framesOut: 3,
      queuedBytes: 0,
      waiting: 0,
    });
    expect(Number(info?.lastReceivedAt) - Number(info?.connectedAt)).toBe(1000);
    peer.socket.resetAndDestroy();
    await turnsUntil(() => server.connections.size === 0);
    expect(events).toEqual([
      ['connect', info?.id],
      ['ping', 2],
      ['close', info?.id, 'client-reset', 'ECONNRESET'],
    ]);
  });

  it('that are silent can be listed, and a protected one is not closed because of it', async () => {
    const { clock, connect, server, stats } = await serveWith({ idleTimeout: 2000 });
    const [quiet, kept, live] = [await connect(), await connect(), await connect()];
    await turnsUntil(() => stats.open === 3);
    const [, keptConnection] = [...server.connections];
    if (keptConnection) keptConnection.isProtected = true;
    await pass(clock, 1500);
    live.sendHex(ping(id));
    await live.hex(16);
    expect(server.heartbeat(1000, false)).toHaveLength(2);
    await pass(clock, 800);
    await quiet.untilEnd();
    expect(kept.ended).toBe(false);
    expect(keptConnection?.info().protected).toBe(true);
  });

  it('of a listener with its own idle timeout are closed after that one', async () => {
    const clock = new FakeClock();
    const { server } = await serve({ clock, heartbeat: { idleTimeout: 9000 } });
    const bound = await server.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, { idleTimeout: 1000 });
    const { Peer: AnyPeer } = await import('./peer.js');
    const peer = await AnyPeer.connect(portOf(bound));
    peer.sendHex(frame('05', id));
    expect((await peer.frame()).body).toMatchObject({ idleTimeoutMs: 1000, heartbeat: { wantMs: 333 } });
    await pass(clock, 1300);
    await peer.untilEnd();
    peer.socket.destroy();
  });
});

describe('GOAWAY', () => {
  it('is sent to clients that have sent HELLO, each at its own time, and to no others', async () => {
    const { clock, connect, server } = await serveWith({});
    const [said, silent] = [await connect(), await connect()];
    await onHello(said);
    silent.sendHex(ping(id));
    await silent.hex(16);
    server.goaway(10_000);
    await pass(clock, 1000);
    const goaway = await said.frame();
    expect(goaway).toMatchObject({ type: '06', code: '01' });
    const { graceMs, reconnectAfterMs } = goaway.body as { graceMs: number; reconnectAfterMs: number };
    expect(graceMs).toBeGreaterThan(8900);
    expect(reconnectAfterMs - graceMs).toBeGreaterThanOrEqual(99);
    expect(reconnectAfterMs - graceMs).toBeLessThanOrEqual(1001);
    said.sendHex(ping(id));
    expect(await said.hex(16)).toBe(pong(id, '01'));
    expect(silent.received).toHaveLength(0);
  });

  it('is sent to a client that sends HELLO while the server drains, after its HELLO', async () => {
    const { clock, connect, server } = await serveWith({});
    const late = await connect();
    late.sendHex(ping(id));
    await late.hex(16);
    server.goaway(10_000);
    await pass(clock, 2000);
    await onHello(late);
    await pass(clock, 1000);
    const { type, code, body } = await late.frame();
    expect({ type, code }).toEqual({ type: '06', code: '01' });
    expect(body?.graceMs).toBeLessThanOrEqual(8000);
    expect(body?.graceMs).toBeGreaterThan(6900);
  });
});

describeServed('connections', (serve) => {
  it('cause events, with their state at that time', async () => {
    const { connect, health, service } = await serve();
    const events: unknown[] = [];
    service.events.on('connect', ({ id: number, framesIn }) => events.push(['connect', number, framesIn]));
    service.events.on('ping', ({ id: number }, count) => events.push(['ping', number, count]));
    const closed = new Promise<void>((resolve) => {
      service.events.on('close', ({ id: number, framesOut }, reason, errno) => {
        events.push(['close', number, framesOut, reason, errno]);
        resolve();
      });
    });
    await health.mirrored();
    const peer = await connect();
    peer.sendHex(ping(id) + ping(id));
    await peer.hex(32);
    const [info] = await service.connections();
    expect(info).toMatchObject({ remotePort: peer.socket.localPort, framesIn: 2, framesOut: 2 });
    peer.socket.resetAndDestroy();
    await closed;
    expect(events).toEqual([
      ['connect', info?.id, 0],
      ['ping', info?.id, 2],
      ['close', info?.id, 2, 'client-reset', 'ECONNRESET'],
    ]);
    expect(await service.connections()).toEqual([]);
  });
});
