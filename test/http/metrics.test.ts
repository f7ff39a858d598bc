import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLog } from '../../src/common/log.js';
import { FakeClock } from '../fake-clock.js';
import { ask } from './asking.js';
import { closeAll, serve } from './served.js';
import { until } from './until.js';

afterEach(closeAll);

function registerOf(metrics: () => Promise<string>) {
  return { register: () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics }) };
}

describe('/metrics', () => {
  it('answers 200 in the format of the registry in every state, and queries no health', async () => {
    const { url, health } = await serve(registerOf(async () => '# HELP x X.\nx 1\n'));
    health.ready = 'fail';
    const { status, text, headers } = await ask(`${url}/metrics`);
    expect(status).toBe(200);
    expect(text).toBe('# HELP x X.\nx 1\n');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers['cache-control']).toBe('no-store');
    expect(health.asked).toEqual([]);
  });

  it('supports HEAD', async () => {
    const { url } = await serve();
    const { status, text } = await ask(`${url}/metrics`, { method: 'HEAD' });
    expect([status, text]).toEqual([200, '']);
  });

  it('answers 500 without the reason if a collector of the application throws', async () => {
    const { url } = await serve(registerOf(() => Promise.reject(new Error('postgres://root:secret@db is gone'))));
    const { status, text } = await ask(`${url}/metrics`);
    expect(status).toBe(500);
    expect(JSON.parse(text)).toEqual({ error: 'internal error' });
  });

  it('logs the reason, without credentials and without a stack trace', async () => {
    const told: unknown[] = [];
    const log = { ...silentLog, error: (fields: object, message: string) => told.push([fields, message]) };
    const broken = registerOf(() => Promise.reject(new Error('postgres://root:secret@db is gone')));
    const { url } = await serve({ ...broken, log });
    await ask(`${url}/metrics`);
    expect(told).toEqual([[{ error: 'postgres://***@db is gone' }, 'HTTP request failed']]);
  });

  it('reads the registry once for all requests within 250 ms, and again for the next', async () => {
    const clock = new FakeClock();
    const readings: ((text: string) => void)[] = [];
    const metrics = () => new Promise<string>((resolve) => readings.push(resolve));
    const { url, server } = await serve(registerOf(metrics), { clock });
    let requests = 0;
    server.server.on('request', () => requests++);
    const first = Array.from({ length: 20 }, () => ask(`${url}/metrics`));
    await until(() => requests === 20 && readings.length > 0);
    expect(readings).toHaveLength(1);
    readings[0]?.('up 1\n');
    for (const { status, text } of await Promise.all(first)) expect([status, text]).toEqual([200, 'up 1\n']);
    await clock.advance(249);
    expect((await ask(`${url}/metrics`)).text).toBe('up 1\n');
    await clock.advance(1);
    const next = ask(`${url}/metrics`);
    await until(() => readings.length === 2);
    readings[1]?.('up 2\n');
    expect((await next).text).toBe('up 2\n');
  });

  it('answers 503 before 900 ms if a collector of the application hangs, and reads the registry again for the next request', async () => {
    const clock = new FakeClock();
    let fail = (_: Error) => {};
    let readings = 0;
    const metrics = () => {
      readings++;
      return readings === 1 ? new Promise<string>((_, reject) => (fail = reject)) : Promise.resolve('up 1\n');
    };
    const { url } = await serve(registerOf(metrics), { clock });
    let answered = false;
    const answer = ask(`${url}/metrics`).finally(() => (answered = true));
    await until(() => readings === 1);
    await clock.advance(799);
    expect(answered).toBe(false);
    await clock.advance(100);
    const { status, json } = await answer;
    expect([status, json]).toEqual([503, { error: expect.stringContaining('timed out') }]);
    // Its later rejection is handled.
    fail(new Error('too late'));
    expect(await ask(`${url}/metrics`)).toMatchObject({ status: 200, text: 'up 1\n' });
  });
});
