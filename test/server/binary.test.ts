import { Socket } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { HandleSocket, hasHandles } from '../../src/server/sockets/handle-socket.js';
import { serve as serveDirectly, turnsUntil } from './harness.js';
import { ping, pingWith, pong } from './peer.js';
import { describeServed, LONG_OUTPUT, manyChecks } from './scripted-service.js';

const id = 'a1a2a3a4a5a6a7a8';
const other = '00000000ffffffff';

describeServed('a bare PING', (serve) => {
  it.each([
    ['pass', '01'],
    ['warn', '02'],
    ['fail', '03'],
    ['draining', '04'],
  ] as const)('is answered by a PONG that reports %s as %s', async (state, status) => {
    const { health, connect } = await serve();
    await (state === 'draining' ? health.drain() : health.set(state));
    const peer = await connect();
    peer.sendHex(ping(id));
    expect(await peer.hex(16)).toBe(pong(id, status));
  });

  it('is answered however it is split into chunks', async () => {
    const { connect } = await serve();
    const peer = await connect();
    const octets = Buffer.from(ping(id), 'hex');
    for (const octet of octets) {
      peer.send(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await peer.hex(16)).toBe(pong(id, '01'));
  });

  it('is answered with its id, including the highest and the lowest', async () => {
    const { connect } = await serve();
    const peer = await connect();
    peer.sendHex(ping('ffffffffffffffff') + ping('0000000000000000'));
    expect(await peer.hex(32)).toBe(pong('ffffffffffffffff', '01') + pong('0000000000000000', '01'));
  });

  it('with scope liveness runs no check', async () => {
    const { health, connect } = await serve();
    await health.hold();
    const peer = await connect();
    peer.sendHex(ping(id, { scope: '01' }));
    expect(await peer.hex(16)).toBe(pong(id, '01'));
    await health.mirrored();
    expect(health.runs).toBe(0);
  });

  it('waits if the cached result is too old; all of one read wait for one run', async () => {
    const { health, connect, stats } = await serve();
    await health.hold();
    const peer = await connect();
    peer.sendHex(ping(id) + ping(other));
    await turnsUntil(() => stats.waiting === 2);
    await health.settle('warn');
    expect(await peer.hex(32)).toBe(pong(id, '02') + pong(other, '02'));
    await turnsUntil(() => stats.waiting === 0 && stats.pings.readiness.warn === 2);
    expect(health.runs).toBe(0);
  });

  it('is answered with STALE after its deadline', async () => {
    const { health, connect, stats } = await serve({ ping: { timeout: 50 } });
    await health.hold();
    const peer = await connect();
    peer.sendHex(ping(id));
    expect(await peer.hex(16)).toBe(pong(id, '01', '02'));
    expect(stats.stale).toBe(1);
  });
});

// States in which a service does not stay, and writes and queries that can be observed only in this process.
describe('a bare PING', () => {
  it.each([
    ['unknown', '00'],
    ['starting', '05'],
  ] as const)('is answered by a PONG that reports %s as %s', async (state, status) => {
    const { health, connect } = await serveDirectly();
    health.ready = state;
    const peer = await connect();
    peer.sendHex(ping(id));
    expect(await peer.hex(16)).toBe(pong(id, status));
  });

  const between = `${ping(id)}${ping(id)}0000000c01050000${other}${ping(id)}`;
  it.each([
    ['of its read', ping(id).repeat(64), 64 * 16, true],
    ['of its read, by a stream', ping(id).repeat(64), 64 * 16, false],
    ['also with frames of other kinds between', between, 32, true],
    ['also with frames of other kinds between, by a stream', between, 32, false],
  ])('is answered in one write with all others %s', async (_what, octets, first, useHandles) => {
    const write = jest.spyOn(
      useHandles && hasHandles ? HandleSocket.prototype : Socket.prototype,
      'write',
    ) as jest.Mock;
    try {
      const { connect } = await serveDirectly({ useHandles });
      const peer = await connect();
      write.mockClear();
      peer.sendHex(octets);
      expect(await peer.hex(first)).toBe(pong(id, '01').repeat(first / 16));
      const writes = write.mock.calls.filter(([octets]) => (octets as Buffer)[5] === 2);
      expect(writes).toHaveLength(1);
    } finally {
      write.mockRestore();
    }
  });

  it('makes one request with all others of its read', async () => {
    const { health, connect } = await serveDirectly();
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(ping(id) + ping(other));
    await turnsUntil(() => health.asked.length > 0);
    expect(health.asked.map(({ query }) => query)).toEqual([{ scope: 'readiness', timeout: 2000, hops: 0 }]);
  });
});

describe('a PING with a body', () => {
  it('passes its parameters to the health, with a deadline of at most ping.maxTimeout', async () => {
    const { health, connect } = await serveDirectly();
    const peer = await connect();
    peer.sendHex(pingWith(id, { checks: ['db'], maxAgeMs: 0, timeoutMs: 2_000_000_000 }, { flags: '30' }));
    await turnsUntil(() => health.asked.length > 0);
    expect(health.asked[0]?.query).toEqual({
      scope: 'readiness',
      checks: ['db'],
      maxAge: 0,
      timeout: 10_000,
      hops: 3,
    });
  });
});

describeServed('a PING with a body', (serve) => {
  it('waits for runs of the checks that it names, with the age that it allows, until its own deadline', async () => {
    const { health, connect, stats } = await serve({ checks: ['db', 'cache'] });
    await health.set('warn');
    const peer = await connect();
    peer.sendHex(pingWith(id, { checks: ['db'], maxAgeMs: 60_000 }));
    expect(await peer.hex(16)).toBe(pong(id, '02'));
    await health.hold();
    peer.sendHex(pingWith(id, { checks: ['cache'], maxAgeMs: 0, timeoutMs: 50 }));
    expect(await peer.hex(16)).toBe(pong(id, '02', '02'));
    expect(health.runs).toBe(1);
    peer.sendHex(pingWith(other, { checks: ['db'], maxAgeMs: 0 }));
    await turnsUntil(() => health.runs === 2);
    expect(stats.waiting).toBe(1);
    await health.settle('fail');
    expect(await peer.hex(16)).toBe(pong(other, '03'));
  });

  it('is answered with status 6 if no check has that name', async () => {
    const { connect } = await serve();
    const peer = await connect();
    peer.sendHex(pingWith(id, { group: 'unknown' }));
    expect(await peer.hex(16)).toBe(pong(id, '06'));
  });

  it('with CLOSE is answered last, after those before it', async () => {
    const { health, connect, stats } = await serve();
    await health.hold();
    const peer = await connect();
    peer.sendHex(ping(id) + ping(other, { flags: '02' }) + ping('0000000000000009'));
    await turnsUntil(() => stats.waiting === 2);
    health.release('pass');
    const all = (await peer.untilEnd()).toString('hex');
    expect(all).toHaveLength(64);
    expect(all).toContain(pong(id, '01'));
    expect(all).toContain(pong(other, '01'));
    peer.socket.end();
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed.answered).toBe(1);
  });
});

describeServed('DETAIL', (serve) => {
  it('is answered with the report if details are allowed', async () => {
    const { health, connect } = await serve();
    await health.set(() => ({ status: 'fail', reason: 'timeout', output: 'no answer' }));
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '01' }));
    expect(await peer.frame()).toMatchObject({
      type: '02',
      flags: '00',
      code: '03',
      id,
      body: { status: 'fail', checks: { db: [{ state: 'fail', reason: 'timeout', output: 'no answer' }] } },
    });
  });

  it('is answered without a body and without an ERROR if details are not allowed', async () => {
    const { health, connect } = await serve({ detail: 'never' });
    await health.set('fail');
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '01' }) + ping(other, { scope: '01' }));
    expect(await peer.hex(32)).toBe(pong(id, '03') + pong(other, '01'));
  });

  it('is answered with the bare instances in a chain, even if details are not allowed', async () => {
    const { health, connect, service } = await serve({ detail: 'never' });
    await health.set('fail');
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '11' }));
    const { instance } = service;
    expect((await peer.frame()).body).toEqual({ instance, state: 'fail', causes: [{ instance, via: [] }] });
  });

  it('is answered with TRUNCATED and without the checks if the report does not fit', async () => {
    const { health, connect } = await serve({ checks: manyChecks(250) });
    await health.set(() => ({ status: 'warn', reason: 'lag', output: LONG_OUTPUT }));
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '01' }));
    const { body, ...header } = await peer.frame();
    expect(header).toEqual({ type: '02', flags: '04', code: '02', id });
    expect(body).toMatchObject({ state: 'warn', causes: expect.any(Array) });
    expect(body).not.toHaveProperty('checks');
  });
});

// No report of a service is that long.
describe('DETAIL', () => {
  it('is answered with TRUNCATED and without a body if nothing of the report fits, even in a chain', async () => {
    const { health, connect } = await serveDirectly();
    health.atOnce = 'warn';
    health.report = { checks: 'x'.repeat(70_000) };
    health.short = { causes: 'x'.repeat(70_000) };
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '01' }));
    expect(await peer.hex(16)).toBe(pong(id, '02', '04'));
  });
});

describeServed('other frames', (serve) => {
  it('HELLO is answered with the instance and the idle timeout', async () => {
    const { connect, service } = await serve();
    const peer = await connect();
    peer.sendHex('0000000c01050000' + id);
    const header = await peer.hex(16);
    expect(header.slice(8)).toBe('01050000' + id);
    const body = JSON.parse(await peer.text(Number.parseInt(header.slice(0, 8), 16) - 12));
    expect(body).toEqual({
      instance: service.instance,
      idleTimeoutMs: 90_000,
      heartbeat: { canSendMs: 0, wantMs: 30_000, mult: 3 },
    });
  });

  it('PONG, GOAWAY, ERROR and types that may be skipped are counted and have no effect', async () => {
    const { connect, stats } = await serve();
    const peer = await connect();
    peer.sendHex(pong(id, '01') + '0000000c01060001' + id + '0000000c017f010c' + id + '0000000e0180ff77' + id + '0102');
    peer.sendHex(ping(other));
    expect(await peer.hex(16)).toBe(pong(other, '01'));
    expect(stats.ignoredFrames).toBe(4);
  });

  it('one newline between frames is skipped', async () => {
    const { connect } = await serve();
    const peer = await connect();
    peer.sendHex(ping(id) + '0a' + ping(other) + '0a');
    expect(await peer.hex(32)).toBe(pong(id, '01') + pong(other, '01'));
  });
});

describeServed('a protocol violation', (serve) => {
  it('is answered with a fatal ERROR, then FIN, without an effect on other connections', async () => {
    const { connect, stats } = await serve();
    const good = await connect();
    const bad = await connect();
    bad.sendHex('0000000c01010003' + id);
    const answer = (await bad.untilEnd()).toString('hex');
    expect(answer.slice(8, 32)).toBe('017f0101' + id);
    bad.socket.end();
    await turnsUntil(() => stats.closed['protocol-error'] === 1);
    good.sendHex(ping(other));
    expect(await good.hex(16)).toBe(pong(other, '01'));
    expect(stats.errors[1]).toBe(1);
  });

  it('is answered after the PONGs of earlier PINGs, pending ones with the last known state', async () => {
    const { health, connect } = await serve();
    await health.hold();
    const peer = await connect();
    peer.sendHex(ping(id) + '0000000c01010003' + other);
    const answer = (await peer.untilEnd()).toString('hex');
    expect(answer.slice(0, 32)).toBe(pong(id, '01', '02'));
    expect(answer.slice(40, 64)).toBe('017f0101' + other);
  });

  it('discards the data behind it, so that the answer is not lost in a reset', async () => {
    const { connect } = await serve();
    const peer = await connect();
    peer.sendHex('0000000b');
    peer.send(Buffer.alloc(500_000));
    const answer = (await peer.untilEnd()).toString('hex');
    expect(answer.slice(8, 32)).toBe('017f01010000000000000000');
    expect(peer.error).toBeUndefined();
  });
});

describeServed('half-open connections', (serve) => {
  it('are answered after the client’s FIN, then closed', async () => {
    const { health, connect, stats } = await serve();
    await health.hold();
    const peer = await connect();
    peer.sendHex(ping(id));
    peer.socket.end();
    await health.settle('pass');
    expect((await peer.untilEnd()).toString('hex')).toBe(pong(id, '01'));
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed['client-closed']).toBe(1);
  });

  it('are answered after it even if reading was paused when it arrived', async () => {
    const { health, connect } = await serve({ checks: manyChecks(130) });
    await health.set(() => ({ status: 'pass', output: LONG_OUTPUT }));
    const peer = await connect();
    const ids = Array.from({ length: 20 }, (_, n) => (n + 1).toString(16).padStart(16, '0'));
    peer.sendHex(ids.map((of) => ping(of, { flags: '01' })).join(''));
    peer.socket.end();
    for (const of of ids) expect(await peer.frame()).toMatchObject({ type: '02', id: of });
    expect(await peer.untilEnd()).toHaveLength(0);
  });

  it('with a truncated frame receive FIN and no ERROR', async () => {
    const { connect, stats } = await serve();
    const peer = await connect();
    peer.sendHex(ping(id) + '0000000c0101');
    peer.socket.end();
    expect((await peer.untilEnd()).toString('hex')).toBe(pong(id, '01'));
    await turnsUntil(() => stats.closed['client-closed'] === 1);
  });

  it('without data are not an error', async () => {
    const { connect, stats } = await serve();
    const peer = await connect();
    peer.socket.end();
    await turnsUntil(() => stats.closed['client-closed'] === 1);
    expect(stats.errors.every((count) => count === 0)).toBe(true);
  });
});

describeServed('the first byte', (serve) => {
  it.each([
    ['a TLS handshake', '160301', 'tls'],
    ['a newline', '0a', 'wrong-protocol'],
    ['a digit', '31', 'wrong-protocol'],
    ['ff', 'ff', 'wrong-protocol'],
  ] as const)('of %s closes without an answer', async (_name, hex, reason) => {
    const { connect, stats } = await serve();
    const peer = await connect();
    peer.sendHex(hex);
    expect(await peer.untilEnd()).toHaveLength(0);
    peer.socket.end();
    await turnsUntil(() => stats.closed[reason] === 1);
  });
});

describeServed('TLS on a plain listener', (serve) => {
  it('is logged once, for any number of attempts', async () => {
    const { connect, logged, stats } = await serve();
    for (let i = 1; i <= 5; i++) {
      const peer = await connect();
      peer.sendHex('16030100');
      await peer.untilEnd();
      peer.socket.destroy();
      await turnsUntil(() => stats.closed.tls === i);
    }
    expect((await logged()).map(({ level }) => level)).toEqual(['warn']);
  });
});
