import { describe, expect, it } from '@jest/globals';
import type { Reason } from '../../src/health/reason.js';
import { serve, turnsUntil } from './harness.js';
import { describeServed } from './scripted-service.js';

const fail = (reason: Reason) => () => ({ status: 'fail', reason }) as const;

describeServed('ping in line mode', (serve) => {
  it.each(['ping\n', 'PING\n', 'pInG\r\n'])('%j is answered, and the connection stays open', async (line) => {
    const { connect } = await serve();
    const peer = await connect();
    peer.send(line);
    expect(await peer.text(10)).toBe('pong pass\n');
    peer.send(line);
    expect(await peer.text(10)).toBe('pong pass\n');
  });

  it('is answered when FIN ends the line', async () => {
    const { health, connect } = await serve();
    await health.set('warn');
    const peer = await connect();
    peer.send('ping\r');
    peer.socket.end();
    expect((await peer.untilEnd()).toString()).toBe('pong warn\n');
  });

  it('names the failing checks and closes after any status except pass and warn', async () => {
    const { health, connect, stats } = await serve({ checks: ['mysql', 'redis'] });
    await health.set((name) => ({ status: 'fail', reason: name === 'mysql' ? 'timeout' : 'refused' }));
    const peer = await connect();
    peer.send('ping\nping\n');
    expect((await peer.untilEnd()).toString()).toBe('pong fail mysql=timeout redis=refused\n');
    peer.socket.end();
    await turnsUntil(() => stats.closed.answered === 1);
  });

  it('has only the status if details are not allowed', async () => {
    const { health, connect } = await serve({ detail: 'never' });
    await health.set(fail('timeout'));
    const peer = await connect();
    peer.send('ping\n');
    expect((await peer.untilEnd()).toString()).toBe('pong fail\n');
  });

  it('is answered in the order of the lines, each after the previous one', async () => {
    const { health, connect, stats } = await serve();
    await health.hold();
    const peer = await connect();
    peer.send('ping\nping\n');
    for (const status of ['pass', 'warn'] as const) {
      await turnsUntil(() => stats.waiting === 1);
      await health.settle(status);
      expect(await peer.text(10)).toBe(`pong ${status}\n`);
    }
  });

  it('reports that the status is stale after the deadline', async () => {
    const { health, connect, stats } = await serve({ ping: { timeout: 50 } });
    await health.hold();
    const peer = await connect();
    peer.send('ping\n');
    expect(await peer.text(16)).toBe('pong pass stale\n');
    expect(stats.stale).toBe(1);
  });
});

describeServed('agent', (serve) => {
  it('waits for nothing, so that an old result is not counted as late', async () => {
    const { health, connect, stats } = await serve();
    await health.hold();
    const peer = await connect();
    peer.send('agent\n');
    expect((await peer.untilEnd()).toString()).toBe('ready up 100%\n');
    expect([stats.pings.readiness.pass, stats.stale]).toEqual([1, 0]);
  });

  it.each([
    ['pass', 'ready up 100%'],
    ['warn', 'ready up 100%'],
    ['fail', 'down #timeout'],
    ['draining', 'drain up 100%'],
  ] as const)('reports %s: %s', async (state, words) => {
    const { health, connect } = await serve();
    if (state === 'draining') await health.drain();
    else await health.set(state === 'fail' ? fail('timeout') : state);
    const peer = await connect();
    peer.send('agent\n');
    expect((await peer.untilEnd()).toString()).toBe(`${words}\n`);
  });
});

// States in which a service does not stay, or which exist only before the first run.
describe('agent', () => {
  it('names the first check that determines the status, in configuration order', async () => {
    const { health, connect } = await serve();
    health.failing = [
      { name: 'optional', adds: 'warn', reason: 'dns' },
      { name: 'circle', adds: undefined, reason: 'loop' },
      { name: 'a', adds: 'unknown', reason: 'never-ran' },
      { name: 'b', adds: 'fail', reason: 'refused' },
      { name: 'c', adds: 'fail', reason: 'timeout' },
    ];
    const answer = async () => {
      const peer = await connect();
      peer.send('agent\n');
      return (await peer.untilEnd()).toString();
    };
    health.atOnce = 'fail';
    expect(await answer()).toBe('down #refused\n');
    health.atOnce = 'unknown';
    expect(await answer()).toBe('down #never-ran\n');
    health.atOnce = 'starting';
    expect(await answer()).toBe('down #starting\n');
  });

  it('names the state without a failing check', async () => {
    const { connect } = await serve();
    const peer = await connect();
    peer.send('agent\n');
    expect((await peer.untilEnd()).toString()).toBe('down #unknown\n');
  });
});

describeServed('any other line', (serve) => {
  it.each(['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'ping \n', ' ping\n', 'pingping\n', `${'p'.repeat(65)}`, 'ping\n\n'])(
    '%j closes without an answer',
    async (line) => {
      const { connect } = await serve();
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
