import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { connect, ping, RefusedError } from '../../src/client.js';
import { FakeClock } from '../fake-clock.js';
import { serve, turnsUntil } from '../server/harness.js';

describe('a client of the real server', () => {
  it('receives the status, without and with the report', async () => {
    const { port, health } = await serve();
    const client = await connect(`127.0.0.1:${port}`);
    expect(await client.ping()).toMatchObject({ status: 'pass', code: 1, healthy: true, stale: false });
    health.ready = 'draining';
    expect(await client.ping()).toMatchObject({ status: 'draining', code: 4, healthy: false });
    expect(await client.ping({ scope: 'liveness' })).toMatchObject({ status: 'pass' });
    health.atOnce = 'fail';
    health.report = { state: 'fail', checks: {} };
    expect(await client.ping({ detail: true, checks: ['mysql'], timeout: 100 })).toMatchObject({
      status: 'fail',
      report: health.report,
    });
    await client.close();
  });

  it('receives the last known status with a timeout of 0', async () => {
    const { port, health } = await serve();
    health.ready = undefined;
    expect(await ping(`127.0.0.1:${port}`, { timeout: 0 })).toMatchObject({ status: 'unknown', stale: true });
  });

  it('receives the answer to each of thousands of PINGs with many outstanding', async () => {
    const { port, stats } = await serve();
    const client = await connect(`127.0.0.1:${port}`);
    const asker = async () => {
      for (let turn = 0; turn < 60; turn++) expect((await client.ping()).status).toBe('pass');
    };
    await Promise.all(Array.from({ length: 64 }, asker));
    expect(client.stats).toMatchObject({ pings: 3840, pongs: 3840, latePongs: 0, ignoredFrames: 0 });
    expect(stats.pings.readiness.pass).toBe(3840);
    await client.close();
  });

  it('receives the identity of the server with HELLO', async () => {
    const { port } = await serve();
    const client = await connect(`127.0.0.1:${port}`);
    expect(await client.hello({ name: 'test' })).toMatchObject({ instance: 'test-instance', idleTimeoutMs: 90_000 });
    await client.close();
  });

  it('closes the connection cleanly, with close() and as a probe', async () => {
    const { port, stats, health } = await serve();
    health.atOnce = 'pass';
    const client = await connect(`127.0.0.1:${port}`);
    await client.ping();
    await client.close();
    await ping(`127.0.0.1:${port}`);
    await turnsUntil(() => stats.open === 0);
    expect(stats.closed).toMatchObject({ 'client-closed': 1, answered: 1, 'client-reset': 0, 'protocol-error': 0 });
  });

  it('receives ERROR 8 with retryAfterMs when it sends too many PINGs', async () => {
    const { port } = await serve({ limits: { pingsPerSecond: 5 } });
    const client = await connect(`127.0.0.1:${port}`);
    const answers = await Promise.allSettled(Array.from({ length: 7 }, () => client.ping()));
    const refused = answers.filter((answer) => answer.status === 'rejected').map(({ reason }) => reason);
    expect(refused).toHaveLength(2);
    for (const reason of refused) {
      expect(reason).toBeInstanceOf(RefusedError);
      expect(reason.wire).toMatchObject({ code: 8, name: 'too-many-pings', retryAfterMs: expect.any(Number) });
    }
  });

  it('receives the ERROR of the idle timeout', async () => {
    const clock = new FakeClock();
    const { port } = await serve({ clock });
    const client = await connect(`127.0.0.1:${port}`);
    await client.ping();
    const closed = once(client, 'close');
    await clock.advance(95_000);
    const [reason, error] = await closed;
    expect(reason).toBe('refused');
    expect(error).toMatchObject({ code: 'PONGCHECK_REFUSED', wire: { code: 9, name: 'idle' } });
  });
});
