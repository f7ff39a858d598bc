import { afterEach, describe, expect, it } from '@jest/globals';
import { Tokens } from '../../src/net/tokens.js';
import { FakeHealth } from '../server/fake-health.js';
import { closeAll, serve } from './served.js';

afterEach(closeAll);

const [token, before] = ['a-right-token-0123456789', 'the-one-before-98765432'] as [string, string];
const wrong = 'a-wrong-token-0123456789';
const open = () => serve({ health: wellWithOneCheck(), detail: 'token', tokens: new Tokens([token, before]) });

function wellWithOneCheck(): FakeHealth {
  const health = new FakeHealth();
  health.atOnce = 'pass';
  health.report = { state: 'pass', checks: { db: [{ state: 'pass' }] } };
  return health;
}

async function get(url: string, authorization?: string) {
  const response = await fetch(url, authorization === undefined ? {} : { headers: { authorization } });
  const text = await response.text();
  return { status: response.status, asks: response.headers.get('www-authenticate'), text };
}

describe('Authorization: Bearer', () => {
  it.each([`Bearer ${token}`, `bearer  ${before}`])('with a valid token grants access to detail', async (said) => {
    const { url } = await open();
    expect(JSON.parse((await get(`${url}/health`, said)).text)).toHaveProperty('checks');
    expect(await get(`${url}/connections`, said)).toMatchObject({ status: 200 });
    expect((await get(`${url}/readyz?verbose`, said)).text).toContain('readyz check passed');
  });

  it.each([undefined, 'Basic YTpi', token])('grants no access without a token (%s)', async (said) => {
    const { url } = await open();
    expect(await get(`${url}/health`, said)).toEqual({
      status: 200,
      asks: null,
      text: '{"status":"pass","state":"pass"}',
    });
    expect(await get(`${url}/connections`, said)).toMatchObject({ status: 401, asks: 'Bearer' });
    expect((await get(`${url}/readyz?verbose`, said)).text).toBe('{"status":"pass","state":"pass"}');
  });

  it.each(['/health', '/connections', '/readyz?verbose'])('with an invalid token is refused at %s', async (path) => {
    const { url } = await open();
    const { status, asks, text } = await get(`${url}${path}`, `Bearer ${wrong}`);
    expect([status, asks]).toEqual([401, 'Bearer error="invalid_token"']);
    expect(JSON.parse(text)).toEqual({ error: 'invalid token' });
  });

  it.each(['/livez', '/readyz', '/startupz'])(
    'does not affect a probe at %s, regardless of its value',
    async (path) => {
      const { url } = await open();
      expect((await get(`${url}${path}`, `Bearer ${wrong}`)).status).toBe(200);
    },
  );

  it('is left to the application if no tokens are configured', async () => {
    const { url } = await serve({ health: wellWithOneCheck(), detail: 'never' });
    expect(await get(`${url}/health`, `Bearer ${wrong}`)).toMatchObject({ status: 200 });
    expect(await get(`${url}/connections`, `Bearer ${wrong}`)).toMatchObject({ status: 403, asks: null });
  });
});
