import { Socket } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { silentLog } from '../../src/common/log.js';
import { FakeHealth } from './fake-health.js';
import { serve, turnsUntil } from './harness.js';
import { ping, pingWith, pong } from './peer.js';

const id = 'a1a2a3a4a5a6a7a8';
const other = '00000000ffffffff';

describe('a bare PING', () => {
  it.each([
    ['unknown', '00'],
    ['pass', '01'],
    ['warn', '02'],
    ['fail', '03'],
    ['draining', '04'],
    ['starting', '05'],
  ] as const)('is answered by a PONG that says %s as %s', async (state, status) => {
    const { health, connect } = await serve();
    health.ready = state;
    const peer = await connect();
    peer.sendHex(ping(id));
    expect(await peer.hex(16)).toBe(pong(id, status));
  });

  it('is answered however it is split over chunks', async () => {
    const { health, connect } = await serve();
    health.atOnce = 'pass';
    const peer = await connect();
    const octets = Buffer.from(ping(id), 'hex');
    for (const octet of octets) {
      peer.send(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await peer.hex(16)).toBe(pong(id, '01'));
  });

  it('is answered with its id, also the highest and the lowest', async () => {
    const { connect } = await serve();
    const peer = await connect();
    peer.sendHex(ping('ffffffffffffffff') + ping('0000000000000000'));
    expect(await peer.hex(32)).toBe(pong('ffffffffffffffff', '01') + pong('0000000000000000', '01'));
  });

  it('is answered in one write with all others of its read', async () => {
    const write = jest.spyOn(Socket.prototype, 'write');
    try {
      const { connect } = await serve();
      const peer = await connect();
      write.mockClear();
      peer.sendHex(ping(id).repeat(64));
      expect(await peer.hex(64 * 16)).toBe(pong(id, '01').repeat(64));
      const writes = write.mock.calls.filter(([octets]) => (octets as Buffer)[5] === 2);
      expect(writes.map(([octets]) => (octets as Buffer).length)).toEqual([64 * 16]);
    } finally {
      write.mockRestore();
    }
  });

  it('is answered in one write also with frames of other kinds between', async () => {
    const write = jest.spyOn(Socket.prototype, 'write');
    try {
      const { connect } = await serve();
      const peer = await connect();
      write.mockClear();
      const hello = '0000000c01050000' + other;
      peer.sendHex(ping(id) + ping(id) + hello + ping(id));
      await peer.hex(32);
      expect(write.mock.calls.filter(([octets]) => (octets as Buffer)[5] === 2)).toHaveLength(1);
    } finally {
      write.mockRestore();
    }
  });

  it('with scope liveness runs no check', async () => {
    const { health, connect } = await serve();
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(ping(id, { scope: '01' }));
    expect(await peer.hex(16)).toBe(pong(id, '01'));
    expect(health.asked).toHaveLength(0);
  });

  it('waits if the cached result is too old; those of one read make one request', async () => {
    const { health, connect, stats } = await serve();
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(ping(id) + ping(other));
    await turnsUntil(() => health.asked.length > 0);
    expect(health.asked).toHaveLength(1);
    expect(health.asked[0]?.query).toEqual({ scope: 'readiness', timeout: 2000, hops: 0 });
    expect(stats.waiting).toBe(2);
    health.settle('warn');
    expect(await peer.hex(32)).toBe(pong(id, '02') + pong(other, '02'));
    expect(stats.waiting).toBe(0);
    expect(stats.pings.readiness.warn).toBe(2);
  });

  it('is answered with STALE after its deadline', async () => {
    const { health, connect, stats } = await serve();
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(ping(id));
    await turnsUntil(() => health.asked.length > 0);
    health.settle('pass', { stale: true });
    expect(await peer.hex(16)).toBe(pong(id, '01', '02'));
    expect(stats.stale).toBe(1);
  });
});

describe('a PING with a body', () => {
  it('passes its parameters to the health, with a deadline of at most ping.maxTimeout', async () => {
    const { health, connect } = await serve();
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

  it('is answered with status 6 if no check has that name', async () => {
    const { health, connect } = await serve();
    health.atOnce = 'not-found';
    const peer = await connect();
    peer.sendHex(pingWith(id, { group: 'unknown' }));
    expect(await peer.hex(16)).toBe(pong(id, '06'));
  });

  it('with CLOSE is answered last, after those before it', async () => {
    const { health, connect, stats } = await serve();
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(ping(id) + ping(other, { flags: '02' }) + ping('0000000000000009'));
    await turnsUntil(() => health.asked.length > 0);
    await turnsUntil(() => health.asked.length === 2);
    health.settle('pass', { count: 2 });
    const all = (await peer.untilEnd()).toString('hex');
    expect(all).toHaveLength(64);
    expect(all).toContain(pong(id, '01'));
    expect(all).toContain(pong(other, '01'));
    peer.socket.end();
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed.answered).toBe(1);
  });
});

describe('DETAIL', () => {
  it('is answered with the report if details are allowed', async () => {
    const { health, connect } = await serve();
    health.atOnce = 'fail';
    health.report = { status: 'fail', checks: {} };
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '01' }));
    const body = Buffer.from(JSON.stringify(health.report));
    const length = (12 + body.length).toString(16).padStart(8, '0');
    expect(await peer.hex(16 + body.length)).toBe(`${length}01020003${id}${body.toString('hex')}`);
  });

  it('is answered without a body and without an ERROR if details are not allowed', async () => {
    const { health, connect } = await serve({ detail: 'never' });
    health.atOnce = 'fail';
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '01' }) + ping(other, { scope: '01' }));
    expect(await peer.hex(32)).toBe(pong(id, '03') + pong(other, '01'));
  });

  it('is answered with the bare instances in a chain, even if details are not allowed', async () => {
    const { health, connect } = await serve({ detail: 'never' });
    health.atOnce = 'fail';
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '11' }));
    const body = Buffer.from('{"extent":"chain","state":"fail"}');
    await peer.hex(16);
    expect(await peer.text(body.length)).toBe(body.toString());
  });

  it('is answered with TRUNCATED and without the checks if the report does not fit', async () => {
    const { health, connect } = await serve();
    health.atOnce = 'warn';
    health.report = { checks: 'x'.repeat(70_000) };
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '01' }));
    const body = '{"extent":"causes","state":"warn"}';
    const length = (12 + body.length).toString(16).padStart(8, '0');
    expect(await peer.hex(16)).toBe(`${length}01020402${id}`);
    expect(await peer.text(body.length)).toBe(body);
  });

  it('is answered with TRUNCATED and without a body if nothing of the report fits, also in a chain', async () => {
    const { health, connect } = await serve();
    health.atOnce = 'warn';
    health.report = { checks: 'x'.repeat(70_000) };
    health.short = { causes: 'x'.repeat(70_000) };
    const peer = await connect();
    peer.sendHex(ping(id, { flags: '01' }));
    expect(await peer.hex(16)).toBe(pong(id, '02', '04'));
  });
});

describe('other frames', () => {
  it('HELLO is answered with the instance and the idle timeout', async () => {
    const { connect } = await serve();
    const peer = await connect();
    peer.sendHex('0000000c01050000' + id);
    const header = await peer.hex(16);
    expect(header.slice(8)).toBe('01050000' + id);
    const body = JSON.parse(await peer.text(Number.parseInt(header.slice(0, 8), 16) - 12));
    expect(body).toEqual({
      instance: 'test-instance',
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

describe('a violation of the protocol', () => {
  it('is answered with a fatal ERROR, then FIN, without effect on other connections', async () => {
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
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(ping(id) + '0000000c01010003' + other);
    const answer = (await peer.untilEnd()).toString('hex');
    expect(answer.slice(0, 32)).toBe(pong(id, '00', '02'));
    expect(answer.slice(40, 64)).toBe('017f0101' + other);
    expect(health.withdrawn).toBe(1);
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

describe('half-open connections', () => {
  it('are answered after the client’s FIN, then closed', async () => {
    const { health, connect, stats } = await serve();
    health.ready = undefined;
    const peer = await connect();
    peer.sendHex(ping(id));
    peer.socket.end();
    await turnsUntil(() => health.asked.length > 0);
    health.settle('pass');
    expect((await peer.untilEnd()).toString('hex')).toBe(pong(id, '01'));
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed['client-closed']).toBe(1);
  });

  it('are answered after it also if reading was paused when it arrived', async () => {
    const health = new FakeHealth();
    health.atOnce = 'pass';
    health.report = { long: 'x'.repeat(60_000) };
    const { connect } = await serve({ health });
    const peer = await connect();
    const ids = Array.from({ length: 20 }, (_, n) => (n + 1).toString(16).padStart(16, '0'));
    peer.sendHex(ids.map((of) => ping(of, { flags: '01' })).join(''));
    peer.socket.end();
    for (const of of ids) expect(await peer.frame()).toMatchObject({ type: '02', id: of });
    expect(await peer.untilEnd()).toHaveLength(0);
  });

  it('with a frame cut short get FIN and no ERROR', async () => {
    const { connect, stats } = await serve();
    const peer = await connect();
    peer.sendHex(ping(id) + '0000000c0101');
    peer.socket.end();
    expect((await peer.untilEnd()).toString('hex')).toBe(pong(id, '01'));
    await turnsUntil(() => stats.closed['client-closed'] === 1);
  });

  it('without data are no error', async () => {
    const { connect, stats } = await serve();
    const peer = await connect();
    peer.socket.end();
    await turnsUntil(() => stats.closed['client-closed'] === 1);
    expect(stats.errors.every((count) => count === 0)).toBe(true);
  });
});

describe('the first byte', () => {
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

describe('TLS on a plain listener', () => {
  it('is logged once, for any number of attempts', async () => {
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_fields: object, message: string) => void warnings.push(message) };
    const { connect, stats } = await serve({ log });
    for (let i = 1; i <= 3; i++) {
      const peer = await connect();
      peer.sendHex('16030100');
      await peer.untilEnd();
      peer.socket.destroy();
      await turnsUntil(() => stats.closed.tls === i);
    }
    expect(warnings).toHaveLength(1);
  });
});
