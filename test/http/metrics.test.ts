import { afterEach, describe, expect, it } from '@jest/globals';
import { ask } from './asking.js';
import { closeAll, serve } from './served.js';

afterEach(closeAll);

function registerOf(metrics: () => Promise<string>) {
  return { register: () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics }) };
}

describe('/metrics', () => {
  it('answers 200 in the format of the registry, however unwell the service is, and asks no health', async () => {
    const { url, health } = await serve(registerOf(async () => '# HELP x X.\nx 1\n'));
    health.ready = 'fail';
    const { status, text, headers } = await ask(`${url}/metrics`);
    expect(status).toBe(200);
    expect(text).toBe('# HELP x X.\nx 1\n');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers['cache-control']).toBe('no-store');
    expect(health.asked).toEqual([]);
  });

  it('has a HEAD', async () => {
    const { url } = await serve();
    const { status, text } = await ask(`${url}/metrics`, { method: 'HEAD' });
    expect([status, text]).toEqual([200, '']);
  });

  it('answers 500 without a word of why when a collector of the application throws', async () => {
    const { url } = await serve(registerOf(() => Promise.reject(new Error('postgres://root:secret@db is gone'))));
    const { status, text } = await ask(`${url}/metrics`);
    expect(status).toBe(500);
    expect(JSON.parse(text)).toEqual({ error: 'internal error' });
  });
});
