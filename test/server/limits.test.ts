import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Connection } from '../../src/server/connection/connection.js';
import { afterNextPoll } from '../../src/server/sockets/after-next-poll.js';
import { FakeClock } from '../fake-clock.js';
import { FakeHealth } from './fake-health.js';
import { pass, serve, turnsUntil } from './harness.js';
import { ping, pingWith, pong } from './peer.js';
import { describeServed, LONG_OUTPUT, manyChecks } from './scripted-service.js';

const id = 'a1a2a3a4a5a6a7a8';

/** Sockets in the kernel between two loopback ports, in any state, on the side of the first port. */
async function kernelsSockets(...ports: (number | undefined)[]): Promise<string[]> {
  const [local, remote] = ports.map((port) => `0100007F:${port?.toString(16).toUpperCase().padStart(4, '0')}`);
  const table = await readFile('/proc/net/tcp', 'utf8');
  return table.split('\n').filter((line) => line.includes(`${local} ${remote}`));
}

afterEach(() => void jest.restoreAllMocks());

/** Counts the immediates of the server and of this test that are pending at the same time. */
function countImmediates(): { most: number } {
  const original = setImmediate;
  const counted = { most: 0 };
  let pending = 0;
  jest.spyOn(globalThis, 'setImmediate').mockImplementation(((callback: () => void) => {
    counted.most = Math.max(counted.most, ++pending);
    return original(() => {
      pending--;
      callback();
    });
  }) as typeof setImmediate);
  return counted;
}

describe('heartbeat.idleTimeout', () => {
  it('closes a silent connection with ERROR 9, not before', async () => {
    const clock = new FakeClock();
    const { connect, stats } = await serve({ clock, heartbeat: { idleTimeout: 5000 } });
    const peer = await connect();
    peer.sendHex(ping(id));
    await peer.hex(16);
    await pass(clock, 4900);
    expect(stats.open).toBe(1);
    expect(peer.ended).toBe(false);
    await pass(clock, 250);
    expect((await peer.untilEnd()).toString('hex').slice(8, 32)).toBe('017f01090000000000000000');
    peer.socket.end();
    await turnsUntil(() => stats.closed.idle === 1);
  });

  it('closes a connection without data, and one in line mode, without a frame', async () => {
    const clock = new FakeClock();
    const { connect, health, stats } = await serve({ clock, heartbeat: { idleTimeout: 1000 } });
    health.atOnce = 'pass';
    const silent = await connect();
    const lines = await connect();
    lines.send('ping\n');
    await lines.text(10);
    await pass(clock, 1300);
    expect(await silent.untilEnd()).toHaveLength(0);
    expect(await lines.untilEnd()).toHaveLength(0);
    expect(stats.errors[9]).toBe(0);
  });

  it('counts any byte as a sign of life', async () => {
    const clock = new FakeClock();
    const { connect, stats } = await serve({ clock, heartbeat: { idleTimeout: 1000 } });
    const peer = await connect();
    for (let i = 0; i < 5; i++) {
      peer.sendHex(ping(id));
      await peer.hex(16);
      await pass(clock, 800);
    }
    expect(stats.open).toBe(1);
    expect(peer.ended).toBe(false);
  });

  it('closes no connection after a stall of the own event loop until another whole limit has passed', async () => {
    const clock = new FakeClock();
    const { connect, stats } = await serve({ clock, heartbeat: { idleTimeout: 4000 } });
    const peer = await connect();
    peer.sendHex(ping(id));
    await peer.hex(16);
    await pass(clock, 1000);
    clock.jump(9000);
    await pass(clock, 3800);
    expect(peer.ended).toBe(false);
    await pass(clock, 400);
    await peer.untilEnd();
    expect(stats.errors[9]).toBe(1);
  });

  it.each([
    ['all of the silence', 0, 5000],
    ['the silence before counts', 3000, 2000],
  ])('does not count time in which output waits: %s', async (_what, before, left) => {
    const clock = new FakeClock();
    const { connect, server, stats } = await serve({
      clock,
      heartbeat: { idleTimeout: 5000 },
      limits: { maxQueuedBytes: 2 ** 26 },
    });
    const peer = await connect();
    peer.sendHex(ping(id));
    await peer.hex(16);
    await pass(clock, before);
    peer.socket.pause();
    const connection = [...server.connections][0] as Connection;
    // More than the kernel accepts.
    connection.send(Buffer.alloc(2 ** 25));
    await pass(clock, 8000);
    expect(connection.queued).toBeGreaterThan(0);
    expect(stats.errors[9]).toBe(0);
    peer.socket.removeAllListeners('data').resume();
    await turnsUntil(() => connection.queued === 0);
    await pass(clock, left - 200);
    expect(stats.errors[9]).toBe(0);
    await pass(clock, 400);
    expect(stats.errors[9]).toBe(1);
  });

  it('is exact, even after a pause', async () => {
    const clock = new FakeClock();
    const options = { clock, limits: { maxPending: 1 }, heartbeat: { idleTimeout: 5000 } };
    const { connect, health, stats } = await serve(options);
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(ping(id));
    await turnsUntil(() => stats.paused['max-pending'] === 1);
    await pass(clock, 9000);
    health.settle('pass');
    expect(await peer.hex(16)).toBe(pong(id, '01'));
    await pass(clock, 4900);
    expect(stats.open).toBe(1);
    await pass(clock, 400);
    expect((await peer.frame()).code).toBe('09');
  });
});

describe('limits.frameTimeout', () => {
  it('is absolute: occasional bytes do not extend it', async () => {
    const clock = new FakeClock();
    const { connect, stats } = await serve({ clock });
    const peer = await connect();
    for (const octet of Buffer.from(ping(id), 'hex').subarray(0, 5)) {
      const before = stats.bytesIn;
      peer.send(Buffer.from([octet]));
      await turnsUntil(() => stats.bytesIn > before);
      await pass(clock, 900);
    }
    expect(peer.ended).toBe(false);
    await pass(clock, 700);
    expect((await peer.untilEnd()).toString('hex').slice(8, 32)).toBe('017f01010000000000000000');
    peer.socket.end();
    await turnsUntil(() => stats.closed['protocol-error'] === 1);
  });

  it('names the frame whose body did not arrive', async () => {
    const clock = new FakeClock();
    const { connect, stats } = await serve({ clock });
    const peer = await connect();
    peer.sendHex(`0000001001010000${id}7b`);
    await turnsUntil(() => stats.bytesIn === 17);
    await pass(clock, 5300);
    expect((await peer.untilEnd()).toString('hex').slice(8, 32)).toBe(`017f0101${id}`);
  });

  it('restarts with each frame', async () => {
    const clock = new FakeClock();
    const { connect, stats } = await serve({ clock });
    const peer = await connect();
    const whole = ping(id);
    peer.sendHex(whole.slice(0, 8));
    await turnsUntil(() => stats.bytesIn === 4);
    await pass(clock, 3000);
    peer.sendHex(whole.slice(8) + whole.slice(0, 8));
    await turnsUntil(() => stats.bytesIn === 20);
    await pass(clock, 3000);
    expect(peer.ended).toBe(false);
  });

  it('closes a partial line without an answer', async () => {
    const clock = new FakeClock();
    const { connect, stats } = await serve({ clock });
    const peer = await connect();
    peer.send('pin');
    await turnsUntil(() => stats.bytesIn === 3);
    await pass(clock, 5300);
    expect(await peer.untilEnd()).toHaveLength(0);
  });
});

describe('limits.maxPending', () => {
  it('stops the idle timeout while reading is paused', async () => {
    const clock = new FakeClock();
    const { connect, health, stats } = await serve({
      clock,
      limits: { maxPending: 1 },
      heartbeat: { idleTimeout: 1000 },
    });
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(ping(id));
    await turnsUntil(() => stats.waiting === 1);
    await pass(clock, 3000);
    expect(stats.open).toBe(1);
    health.settle('pass');
    expect(await peer.hex(16)).toBe(pong(id, '01'));
    await pass(clock, 900);
    expect(peer.ended).toBe(false);
  });
});

describe('limits.maxQueuedBytes and limits.stallTimeout', () => {
  it('bounds what is buffered for a peer that does not read, and drops it if there is no progress', async () => {
    const clock = new FakeClock();
    const { connect, health, server, stats } = await serve({ clock, limits: { pingsPerSecond: 0 } });
    health.atOnce = 'pass';
    health.report = { filler: 'x'.repeat(8000) };
    const peer = await connect();
    peer.socket.pause();
    const flood = Buffer.from(pingWith(id, {}, { flags: '01' }).repeat(2000), 'hex');
    let stopped = false;
    const push = () => {
      while (!stopped && peer.socket.write(flood));
    };
    peer.socket.on('drain', push);
    push();
    await turnsUntil(() => stats.paused['max-queued-bytes'] > 0);
    const queued = () => Math.max(...[...server.connections].map(({ socket }) => socket.writableLength));
    expect(queued()).toBeGreaterThan(0);
    expect(queued()).toBeLessThan(2 * 262_144);
    await pass(clock, 9900);
    expect(stats.open).toBe(1);
    await pass(clock, 400);
    stopped = true;
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed['slow-peer']).toBe(1);
    expect(stats.errors[10]).toBe(1);
  });

  it('resets it, so that the kernel also frees the unread data', async () => {
    const clock = new FakeClock();
    const { connect, health, port, stats } = await serve({ clock });
    health.atOnce = 'pass';
    health.report = { filler: 'x'.repeat(8000) };
    const peer = await connect();
    peer.socket.pause();
    // All of it is read at the same time. If bytes were left unread, the kernel would reset the connection by itself.
    peer.sendHex(ping(id, { flags: '01' }).repeat(1000));
    await turnsUntil(() => stats.paused['max-queued-bytes'] > 0);
    expect(await kernelsSockets(port, peer.socket.localPort)).toHaveLength(1);
    await pass(clock, 10_300);
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed['slow-peer']).toBe(1);
    expect(await kernelsSockets(port, peer.socket.localPort)).toEqual([]);
  });
});

describe('pending PINGs', () => {
  it.each([
    ['bare PINGs before others', (bare: string, detail: string) => bare.repeat(9) + detail.repeat(9)],
    ['bare PINGs between others', (bare: string, detail: string) => (detail + bare).repeat(9)],
  ])('are at most limits.maxPending: %s', async (_order, frames) => {
    const { connect, health, stats } = await serve({ clock: new FakeClock(), limits: { maxPending: 10 } });
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(frames(ping(id), ping(id, { flags: '01' })));
    for (const pending of [10, 8]) {
      await turnsUntil(() => stats.waiting > 0);
      expect(stats.waiting).toBe(pending);
      health.settle('pass', { count: Number.POSITIVE_INFINITY });
    }
  });
});

describe('limits.pingsPerSecond', () => {
  it('allows a burst of one second’s worth, and refuses more with ERROR 8', async () => {
    const clock = new FakeClock();
    const { connect, stats } = await serve({ clock, limits: { pingsPerSecond: 50 } });
    const peer = await connect();
    peer.sendHex(ping(id).repeat(51));
    const answer = await peer.untilEnd();
    expect(answer.subarray(0, 50 * 16).toString('hex')).toBe(pong(id, '01').repeat(50));
    expect(answer.subarray(50 * 16 + 4, 50 * 16 + 16).toString('hex')).toBe(`017f0108${id}`);
    expect(JSON.parse(answer.subarray(51 * 16).toString())).toHaveProperty('retryAfterMs', 1000);
    peer.socket.end();
    await turnsUntil(() => stats.closed['too-many-pings'] === 1);
  });

  it('refills with time', async () => {
    const clock = new FakeClock();
    const { connect } = await serve({ clock, limits: { pingsPerSecond: 50 } });
    const peer = await connect();
    for (let i = 0; i < 4; i++) {
      peer.sendHex(ping(id).repeat(50));
      expect(await peer.hex(50 * 16)).toBe(pong(id, '01').repeat(50));
      await clock.advance(1000);
    }
  });

  it('counts frames of all types, and lines', async () => {
    const clock = new FakeClock();
    const { connect, health } = await serve({ clock, limits: { pingsPerSecond: 3 } });
    health.atOnce = 'pass';
    const frames = await connect();
    frames.sendHex(pong(id, '01') + `0000000c0180000077`.padEnd(32, '0') + ping(id) + ping(id));
    expect((await frames.untilEnd()).subarray(16 + 4, 16 + 8).toString('hex')).toBe('017f0108');
    const lines = await connect();
    lines.send('ping\n'.repeat(4));
    expect((await lines.untilEnd()).toString()).toBe('pong pass\n'.repeat(3));
  });
});

describe('a turn of the event loop', () => {
  it('is scheduled once per connection, regardless of how much data arrives', async () => {
    const { connect, health, stats } = await serve({ limits: { pingsPerSecond: 0 } });
    health.atOnce = 'pass';
    const flood = await connect();
    const count = 40_000;
    const received = flood.hex(count * 16);
    // The server of the previous test may have left immediates.
    await afterNextPoll();
    flood.send(Buffer.from(pingWith(id, {}).repeat(count), 'hex'));
    const immediates = countImmediates();
    await turnsUntil(() => stats.pings.readiness.pass > count / 2);
    // One for the connection, one for the budget of all connections, and one for this wait.
    expect(immediates.most).toBe(3);
    await received;
  });
});

describe('the time budget of a turn', () => {
  it.each([
    ['PINGs with DETAIL', Buffer.from(ping(id, { flags: '01' }), 'hex')],
    ['lines', Buffer.from('ping\n')],
  ])('divides the %s of one chunk between turns, and does not pause behind the last one', async (_what, request) => {
    const clock = new FakeClock();
    const { connect, health, stats } = await serve({ clock, health: slowHealth(clock) });
    const peer = await connect();
    peer.send(Buffer.concat(Array<Buffer>(10).fill(request)));
    await turnsUntil(() => stats.pings.readiness.pass === 10);
    expect(health.asked).toHaveLength(0);
    expect(stats.paused['turn-budget']).toBe(1);
  });

  it('does not prevent a closed connection from reading the FIN of its peer', async () => {
    const clock = new FakeClock();
    const { connect, stats } = await serve({ clock, health: slowHealth(clock) });
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '01' }).repeat(4) + ping(id, { flags: '02' }) + ping(id));
    await peer.untilEnd();
    peer.socket.end();
    await turnsUntil(() => stats.closed.answered === 1);
  });

  /** Answers each request immediately, and takes 1 ms for it, so that five requests exceed the budget. */
  function slowHealth(clock: FakeClock): FakeHealth {
    const health = new FakeHealth();
    health.atOnce = 'pass';
    const ask = health.ask.bind(health);
    health.ask = (query, answer) => {
      clock.jump(1);
      return ask(query, answer);
    };
    return health;
  }
});

describe('a skipped frame', () => {
  const header = (octets: number) => `${(octets + 12).toString(16).padStart(8, '0')}01900000${id}`;

  it('has as much time as another, from its first byte', async () => {
    const clock = new FakeClock();
    const { connect, stats } = await serve({ clock, limits: { frameTimeout: 5000 } });
    const peer = await connect();
    peer.sendHex('00');
    await turnsUntil(() => stats.bytesIn === 1);
    await pass(clock, 4800);
    peer.sendHex(header(4096).slice(2));
    await turnsUntil(() => stats.bytesIn === 16);
    await pass(clock, 600);
    await turnsUntil(() => stats.errors[1] === 1);
    expect((await peer.frame()).type).toBe('7f');
  });

  it('leaves the frame behind it all of its time', async () => {
    const clock = new FakeClock();
    const { connect, health, stats } = await serve({ clock, limits: { frameTimeout: 5000 } });
    health.atOnce = 'pass';
    const peer = await connect();
    peer.sendHex(`${header(4)}6162`);
    await turnsUntil(() => stats.bytesIn === 18);
    await pass(clock, 4500);
    peer.sendHex(`6364${ping(id).slice(0, 6)}`);
    await turnsUntil(() => stats.bytesIn === 23);
    await pass(clock, 4500);
    peer.sendHex(ping(id).slice(6));
    expect(await peer.hex(16)).toBe(pong(id, '01'));
  });
});

describeServed('limits.maxPending', (serve) => {
  it('pauses reading until one is answered, and loses nothing', async () => {
    const { connect, health, stats } = await serve({ limits: { maxPending: 8 } });
    await health.hold();
    const peer = await connect();
    peer.sendHex(ping(id).repeat(20));
    // A thread counts the pause after the PINGs.
    await turnsUntil(() => stats.waiting === 8 && stats.paused['max-pending'] === 1);
    await health.settle('pass');
    expect(await peer.hex(8 * 16)).toBe(pong(id, '01').repeat(8));
    await turnsUntil(() => stats.waiting === 8);
    await health.settle('warn');
    expect(await peer.hex(8 * 16)).toBe(pong(id, '02').repeat(8));
    await turnsUntil(() => stats.waiting === 4);
    await health.settle('fail');
    expect(await peer.hex(4 * 16)).toBe(pong(id, '03').repeat(4));
  });

  it('is lower for many checks by name, so that their lists stay within the limit of a peer', async () => {
    const checks = manyChecks(32);
    const { connect, health, stats } = await serve({ checks });
    await health.hold();
    const peer = await connect();
    peer.sendHex(pingWith(id, { checks }).repeat(1000));
    await turnsUntil(() => stats.paused['max-queued-bytes'] > 0);
    expect(stats.waiting).toBeLessThanOrEqual(262_144 / (32 * 192) + 1);
    health.release('pass');
    expect(await peer.hex(1000 * 16)).toBe(pong(id, '01').repeat(1000));
  });
});

describeServed('limits.maxQueuedBytes', (serve) => {
  it('pauses reading until the peer reads, and loses nothing', async () => {
    const { connect, health, stats } = await serve({ checks: manyChecks(20), limits: { pingsPerSecond: 0 } });
    await health.set(() => ({ status: 'pass', output: LONG_OUTPUT }));
    const peer = await connect();
    peer.socket.pause();
    const count = 1000;
    peer.send(Buffer.from(pingWith(id, {}, { flags: '01' }).repeat(count), 'hex'));
    await turnsUntil(() => stats.paused['max-queued-bytes'] > 0);
    peer.socket.resume();
    for (let n = 0; n < count; n++) expect(await peer.frame()).toMatchObject({ type: '02', code: '01', id });
    expect(stats.pings.readiness.pass).toBe(count);
  });
});

describeServed('limits.maxConnections', (serve) => {
  it('closes excess connections when they are accepted, counts them, and accepts again when a connection has closed', async () => {
    const { connect, stats } = await serve({ limits: { maxConnections: 2 } });
    const first = await connect();
    await connect();
    const third = await connect();
    expect(await third.untilEnd()).toHaveLength(0);
    expect(stats.refused['max-connections']).toBe(1);
    first.socket.end();
    await turnsUntil(() => stats.open === 1);
    const fourth = await connect();
    fourth.sendHex(ping(id));
    expect(await fourth.hex(16)).toBe(pong(id, '01'));
  });

  it('is also a limit per address: limits.maxConnectionsPerAddress', async () => {
    const { connect, stats } = await serve({ limits: { maxConnectionsPerAddress: 1 } });
    await connect();
    const second = await connect();
    expect(await second.untilEnd()).toHaveLength(0);
    expect(stats.refused['max-connections-per-address']).toBe(1);
  });
});

describeServed('a turn of the event loop', (serve) => {
  it('ends for a flooding peer, so that others are served', async () => {
    const { connect, stats } = await serve({ limits: { pingsPerSecond: 0 } });
    const flood = await connect();
    const count = 20_000;
    flood.send(Buffer.from(pingWith(id, {}).repeat(count), 'hex'));
    await flood.hex(count * 16);
    expect(stats.paused['turn-budget']).toBeGreaterThan(count / 300);
    expect(stats.pings.readiness.pass).toBe(count);
  });
});
