import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { redisCheck } from '../../src/checks/redis/index.js';
import { ownServer } from '../live/own-server.js';
import { Redis } from '../live/redis.js';
import { freePorts, ofDependency, peer, Responders } from './responders.js';

const itOwnServer = ownServer('TEST_REDIS_URL');
const responders = new Responders();
let server: Redis;

beforeAll(async () => {
  server = await Redis.start();
}, 60_000);
afterEach(() => responders.stop());
afterAll(() => server.stop());

const cache = () => redisCheck({ url: server.url(), ...ofDependency });

describe('a Redis behind responders', () => {
  it('lets all responders of a chain pass while it is available', async () => {
    const [a, c] = (await freePorts(2)) as [number, number];
    await responders.start('C', c, { cache: cache() });
    await responders.start('A', a, { c: peer(c) });
    await responders.until('pass', 'A', 'C');
  });

  itOwnServer(
    'that freezes at the end of a chain is named at its start, and all recover when it continues',
    async () => {
      const [a, b, c] = (await freePorts(3)) as [number, number, number];
      const C = await responders.start('C', c, { cache: cache() });
      const B = await responders.start('B', b, { c: peer(c) });
      const A = await responders.start('A', a, { b: peer(b) });
      await responders.until('pass', 'A', 'B', 'C');
      await server.freeze();
      await responders.until('fail', 'A', 'B', 'C');
      const { causes } = await A.report();
      expect(causes).toMatchObject([
        { instance: C.instance, via: [C.instance, B.instance], check: 'cache', reason: 'timeout' },
      ]);
      expect(causes).toHaveLength(1);
      server.thaw();
      await responders.until('pass', 'A', 'B', 'C');
      await responders.stay('pass', 'A', 'B', 'C');
      responders.everyoneWasAnswered();
    },
    60_000,
  );

  itOwnServer(
    'that freezes behind one responder of a cycle keeps both down only while it is frozen',
    async () => {
      const [a, b] = (await freePorts(2)) as [number, number];
      const A = await responders.start('A', a, { cache: cache(), b: peer(b) });
      const B = await responders.start('B', b, { a: peer(a) });
      await responders.until('pass', 'A', 'B');
      await server.freeze();
      await responders.until('fail', 'A', 'B');
      await responders.stay('fail', 'A', 'B');
      const root = { instance: A.instance, check: 'cache', reason: 'timeout' };
      expect((await A.report()).causes).toMatchObject([{ ...root, via: [] }]);
      expect((await B.report()).causes).toMatchObject([{ ...root, via: [A.instance] }]);
      server.thaw();
      await responders.until('pass', 'A', 'B');
      await responders.stay('pass', 'A', 'B');
      responders.everyoneWasAnswered();
    },
    60_000,
  );
});
