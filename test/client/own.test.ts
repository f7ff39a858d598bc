import { describe, expect, it } from '@jest/globals';
import { connect } from '../../src/client.js';
import { serve } from '../server/harness.js';
import { pong } from './scripted-server.js';
import { setting } from './setting.js';

const request = { checks: ['db'], own: true };

describe('a PING with own', () => {
  const { serve: script, connected } = setting();

  it('receives the own result of a real server', async () => {
    const { port, health } = await serve();
    health.owned.set('db', { state: 'fail', age: 812, hasPassed: true });
    const client = await connect(`127.0.0.1:${port}`);
    const answer = await client.ping(request);
    expect(answer).toMatchObject({
      status: 'fail',
      healthy: false,
      stale: false,
      own: { instance: 'test-instance', age: 812, hasPassed: true },
    });
    expect(answer).not.toHaveProperty('report');
    expect(await client.ping({ checks: ['other'], own: true })).toMatchObject({
      status: 'not-found',
      own: { age: undefined, hasPassed: false },
    });
    await client.close();
  });

  it.each([
    ['', 'no body'],
    ['{"state":"pass","instance":"a","checks":{}}', 'a report'],
    ['{"instance":"a","ageMs":1,"hasPassed":true}', 'no echo'],
    ['{"own":false,"instance":"a","ageMs":1,"hasPassed":true}', 'a false echo'],
    ['{"own":1,"instance":"a","ageMs":1,"hasPassed":true}', 'an echo of a wrong type'],
    ['{"own":true,"ageMs":1,"hasPassed":true}', 'no instance'],
    ['{"own":true,"instance":["a"],"ageMs":1,"hasPassed":true}', 'an instance of a wrong type'],
    ['{"own":true,"instance":"a","ageMs":-1,"hasPassed":true}', 'a negative age'],
    ['{"own":true,"instance":"a","ageMs":1.5,"hasPassed":true}', 'a fractional age'],
    ['{"own":true,"instance":"a","ageMs":null,"hasPassed":true}', 'a null age'],
    ['{"own":true,"instance":"a","ageMs":1e400,"hasPassed":true}', 'an infinite age'],
    ['{"own":true,"instance":"a","ageMs":1}', 'no hasPassed'],
    ['{"own":true,"instance":"a","ageMs":1,"hasPassed":"true"}', 'hasPassed of a wrong type'],
  ])('has no own result if the body is %s (%s)', async (body) => {
    const server = await script((seen, socket) => socket.write(pong(seen.id, 3, 0, body)));
    const client = await connected(server);
    const answer = await client.ping(request);
    expect(answer.status).toBe('fail');
    expect(answer).not.toHaveProperty('own');
    expect(answer).not.toHaveProperty('report');
  });

  it('has no age if the peer has no result, and ignores unknown keys', async () => {
    const body = '{"own":true,"instance":"a","hasPassed":false,"later":{}}';
    const server = await script((seen, socket) => socket.write(pong(seen.id, 0, 0, body)));
    const client = await connected(server);
    expect((await client.ping(request)).own).toEqual({ instance: 'a', age: undefined, hasPassed: false });
  });
});

describe('a PING without own', () => {
  const { serve: script, connected } = setting();

  it.each([{}, { own: false }])('has no own result, regardless of the body: %j', async (options) => {
    const body = '{"own":true,"instance":"a","ageMs":1,"hasPassed":true}';
    const server = await script((seen, socket) => socket.write(pong(seen.id, 1, 0, body)));
    const client = await connected(server);
    expect(await client.ping({ ...options, group: 'b' })).not.toHaveProperty('own');
    expect((await server.frame()).body).toBe('{"group":"b"}');
  });
});
