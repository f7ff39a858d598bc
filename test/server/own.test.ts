import { describe, expect, it } from '@jest/globals';
import { serve } from './harness.js';
import { pingWith, pong } from './peer.js';

const id = '00000000deadbeef';
const own = { checks: ['db'], own: true };

describe('a PING for the own result of a check', () => {
  it('is answered from the result only, and counts as answered, never as stale', async () => {
    const { connect, health, stats } = await serve();
    health.ready = undefined;
    health.owned.set('db', { state: 'fail', age: 812.4, hasPassed: true });
    const peer = await connect();
    peer.sendHex(pingWith(id, { ...own, timeoutMs: 0 }));
    const frame = await peer.frame();
    expect(frame).toMatchObject({ type: '02', flags: '00', code: '03', id });
    expect(frame.body).toEqual({ own: true, instance: 'test-instance', ageMs: 812, hasPassed: true });
    expect(health.asked).toEqual([]);
    expect([stats.pings.readiness.fail, stats.stale, stats.waiting]).toEqual([1, 0, 0]);
  });

  it('is answered between other PINGs of one write, in order', async () => {
    const { connect, health } = await serve();
    health.owned.set('db', { state: 'warn', age: undefined, hasPassed: false });
    const peer = await connect();
    const bare = '0000000c01010000';
    peer.sendHex(`${bare}00000000000000a1${pingWith(id, own)}${bare}00000000000000a2`);
    expect(await peer.hex(16)).toBe(pong('00000000000000a1', '01'));
    const frame = await peer.frame();
    expect([frame.code, frame.body]).toEqual(['02', { own: true, instance: 'test-instance', hasPassed: false }]);
    expect(await peer.hex(16)).toBe(pong('00000000000000a2', '01'));
  });

  it('counts toward the rate limit', async () => {
    const { connect } = await serve({ limits: { pingsPerSecond: 3 } });
    const peer = await connect();
    peer.sendHex(pingWith(id, own).repeat(4));
    const codes = [];
    for (let frame = await peer.frame(); frame.type !== ''; frame = await peer.frame()) {
      codes.push(`${frame.type} ${frame.code}`);
    }
    expect(codes).toEqual(['02 06', '02 06', '02 06', '7f 08']);
  });
});
