import { describe, expect, it } from '@jest/globals';
import type { State } from '../../src/health/state.js';
import { serve, turnsUntil } from './harness.js';

describe('ping in line mode', () => {
  it.each(['ping\n', 'PING\n', 'pInG\r\n'])('%j is answered, and the connection stays', async (line) => {
    const { health, connect } = await serve();
    health.atOnce = 'pass';
    const peer = await connect();
    peer.send(line);
    expect(await peer.text(10)).toBe('pong pass\n');
    peer.send(line);
    expect(await peer.text(10)).toBe('pong pass\n');
  });

  it('is answered when FIN ends the line', async () => {
    const { health, connect } = await serve();
    health.atOnce = 'warn';
    const peer = await connect();
    peer.send('ping\r');
    peer.socket.end();
    expect((await peer.untilEnd()).toString()).toBe('pong warn\n');
  });

  it('names the failing checks and closes after any status but pass and warn', async () => {
    const { health, connect, stats } = await serve();
    health.atOnce = 'fail';
    health.failing = [
      { name: 'mysql', reason: 'timeout' },
      { name: 'redis', reason: 'refused' },
    ];
    const peer = await connect();
    peer.send('ping\nping\n');
    expect((await peer.untilEnd()).toString()).toBe('pong fail mysql=timeout redis=refused\n');
    peer.socket.end();
    await turnsUntil(() => stats.closed.answered === 1);
  });

  it('has only the status if details are not allowed', async () => {
    const { health, connect } = await serve({ detail: 'never' });
    health.atOnce = 'fail';
    health.failing = [{ name: 'mysql', reason: 'timeout' }];
    const peer = await connect();
    peer.send('ping\n');
    expect((await peer.untilEnd()).toString()).toBe('pong fail\n');
  });

  it('is answered in the order of the lines, each after the one before', async () => {
    const { health, connect } = await serve();
    const peer = await connect();
    peer.send('ping\nping\n');
    await turnsUntil(() => health.asked.length > 0);
    expect(health.asked).toHaveLength(1);
    health.settle('pass', { stale: true });
    expect(await peer.text(16)).toBe('pong pass stale\n');
    await turnsUntil(() => health.asked.length > 0);
    health.settle('warn');
    expect(await peer.text(10)).toBe('pong warn\n');
  });
});

describe('agent', () => {
  it('waits for nothing, so that an old result is not counted as late', async () => {
    const { health, connect, stats } = await serve();
    health.ready = undefined;
    const peer = await connect();
    peer.send('agent\n');
    expect((await peer.untilEnd()).toString()).toBe('down #unknown\n');
    expect([stats.pings.readiness.unknown, stats.stale]).toEqual([1, 0]);
  });

  it.each([
    ['pass', 'ready up 100%'],
    ['warn', 'ready up 100%'],
    ['draining', 'drain up 100%'],
    ['fail', 'down #timeout'],
    ['unknown', 'down #timeout'],
    ['starting', 'down #timeout'],
  ] as const)('says of %s: %s', async (state: State, words) => {
    const { health, connect } = await serve();
    health.atOnce = state;
    health.failing = [{ name: 'mysql', reason: 'timeout' }];
    const peer = await connect();
    peer.send('agent\n');
    expect((await peer.untilEnd()).toString()).toBe(`${words}\n`);
  });

  it('never waits for a run', async () => {
    const { health, connect } = await serve();
    const peer = await connect();
    peer.send('agent\n');
    expect((await peer.untilEnd()).toString()).toBe('down #unknown\n');
    expect(health.asked).toHaveLength(0);
  });
});

describe('any other line', () => {
  it.each(['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'ping \n', ' ping\n', 'pingping\n', `${'p'.repeat(65)}`, 'ping\n\n'])(
    '%j closes without an answer',
    async (line) => {
      const { health, connect } = await serve();
      health.atOnce = 'pass';
      const peer = await connect();
      peer.send(line);
      expect((await peer.untilEnd()).toString()).toBe(line === 'ping\n\n' ? 'pong pass\n' : '');
    },
  );

  it('of 64 bytes is still a line', async () => {
    const { connect, stats } = await serve();
    const peer = await connect();
    peer.send('p'.repeat(64) + '\r');
    await turnsUntil(() => stats.bytesIn === 65);
    expect(peer.ended).toBe(false);
    peer.send('\n');
    expect(await peer.untilEnd()).toHaveLength(0);
  });
});
