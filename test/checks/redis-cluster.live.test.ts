import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { slotOf } from '../../src/checks/redis/cluster.js';
import { type RedisUrlOptions, redisCheck } from '../../src/checks/redis/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { ownServer } from '../live/own-server.js';
import type { Redis } from '../live/redis.js';
import { startCluster, until } from '../live/redis-cluster.js';
import { runCheck } from '../live/run-check.js';

const itOwnServer = ownServer('TEST_REDIS_URL');
/** Slots 15495, 3300 and 7365. */
const keys = ['a', 'b', 'c'];

describe('a check of a Redis cluster', () => {
  let nodes: Redis[] = [];
  beforeAll(async () => {
    if (process.env.TEST_REDIS_URL) return;
    nodes = await startCluster([
      [0, 8000],
      [8001, 16_383],
    ]);
  }, 60_000);
  afterAll(() => Promise.all(nodes.map((node) => node.stop())));

  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  function check(node: Redis | undefined, options: Partial<RedisUrlOptions> = {}): CheckDefinition {
    const made = redisCheck({ url: (node as Redis).url(), timeout: 3000, ...options });
    closing.push(() => made.close?.());
    return made;
  }
  const well = { status: 'pass', observedValue: 'primary' };

  itOwnServer('passes on each node with any key, and writes a key that the node serves', async () => {
    for (const node of nodes) await node.command(['FLUSHALL']);
    for (const node of nodes) {
      expect(await runCheck(check(node))).toMatchObject(well);
      for (const write of keys) expect(await runCheck(check(node, { write }))).toMatchObject(well);
    }
    // Each node has the keys of its own slots. For the others, it has keys with a tag.
    const written = await Promise.all(nodes.map((node) => node.command(['KEYS', '*'])));
    const [first, second] = written as [string[], string[]];
    expect([first.sort(), second.sort()]).toEqual([
      ['b', 'c', expect.stringMatching(/^\{\d+\}a$/)],
      ['a', expect.stringMatching(/^\{\d+\}b$/), expect.stringMatching(/^\{\d+\}c$/)],
    ]);
  });

  itOwnServer('fails if the node accepts no writes, whichever node serves the key', async () => {
    const [node] = nodes;
    closing.push(() => node?.command(['CONFIG', 'SET', 'maxmemory', 0]));
    await node?.command(['CONFIG', 'SET', 'maxmemory', 1]);
    for (const write of keys) {
      expect(await runCheck(check(node, { write }))).toMatchObject({ status: 'fail', reason: 'out-of-memory' });
    }
  });

  itOwnServer('passes while a slot moves to another node', async () => {
    const [source, target] = nodes as [Redis, Redis];
    const slot = slotOf('b');
    const [from, to] = (await Promise.all(nodes.map((node) => node.command(['CLUSTER', 'MYID'])))) as [string, string];
    closing.push(async () => {
      await target.command(['CLUSTER', 'SETSLOT', slot, 'STABLE']);
      await source.command(['CLUSTER', 'SETSLOT', slot, 'STABLE']);
    });
    // Done before the slot moves, because the node will then redirect commands for keys that it does not have.
    await source.command(['DEL', 'b']);
    await target.command(['CLUSTER', 'SETSLOT', slot, 'IMPORTING', from]);
    await source.command(['CLUSTER', 'SETSLOT', slot, 'MIGRATING', to]);
    await expect(source.command(['SET', 'b', '1'])).rejects.toThrow(/^ASK/);
    for (const node of nodes) expect(await runCheck(check(node, { write: 'b' }))).toMatchObject(well);
  });

  itOwnServer('warns if the user may not read the state', async () => {
    const [node] = nodes as [Redis];
    await node.command(['ACL', 'SETUSER', 'prober', 'on', '>pw', '+ping', '+info']);
    const url = node.url({ user: 'prober', password: 'pw' });
    expect(await runCheck(check(node, { url }))).toMatchObject({
      status: 'warn',
      reason: 'auth',
      output: expect.stringMatching(/^the state of the cluster could not be read: NOPERM/),
    });
  });

  itOwnServer('fails with cluster-down on each node while a slot is not served, and passes when all are', async () => {
    const [first, second] = nodes as [Redis, Redis];
    await second.command(['ACL', 'SETUSER', 'safe', 'on', '>pw', '+@all', '-@dangerous']);
    const safe = check(second, { url: second.url({ user: 'safe', password: 'pw' }) });
    const [plain, writing] = [check(second), check(first, { write: 'a' })];
    for (const made of [plain, writing]) expect(await runCheck(made)).toMatchObject(well);
    expect(await runCheck(safe)).toMatchObject({ status: 'pass' });
    for (const node of nodes) await node.command(['CLUSTER', 'DELSLOTS', 100]);
    for (const node of nodes) await until(node, 'cluster_state', 'fail');
    for (const made of [plain, writing]) {
      expect(await runCheck(made)).toMatchObject({
        status: 'fail',
        reason: 'cluster-down',
        output: 'cluster_state is fail; 16383 of 16384 slots are served',
        observedValue: 'primary',
      });
    }
    expect(await runCheck(safe)).toMatchObject({ status: 'fail', reason: 'cluster-down' });
    await first.command(['CLUSTER', 'ADDSLOTS', 100]);
    for (const node of nodes) await until(node, 'cluster_state', 'ok');
    for (const made of [plain, writing]) expect(await runCheck(made)).toMatchObject(well);
  });

  itOwnServer('fails with cluster-down if the state is ok but the slot of its key is not served', async () => {
    const [node] = await startCluster([[0, 16_383]]);
    closing.push(() => node?.stop());
    await node?.command(['CONFIG', 'SET', 'cluster-require-full-coverage', 'no']);
    await node?.command(['CLUSTER', 'DELSLOTS', slotOf('a')]);
    await until(node as Redis, 'cluster_state', 'ok');
    expect(await runCheck(check(node))).toMatchObject(well);
    expect(await runCheck(check(node, { write: 'a' }))).toMatchObject({
      status: 'fail',
      reason: 'cluster-down',
      output: expect.stringMatching(/^CLUSTERDOWN/),
    });
  });

  it.each([
    ['a', 15_495],
    ['123456789', 0x31c3],
    ['ключ', 10_303],
  ])('computes the slot of %j like Redis', async (text, slot) => {
    expect(slotOf(text)).toBe(slot);
    if (nodes[0]) expect(await nodes[0].command(['CLUSTER', 'KEYSLOT', text])).toBe(slot);
  });
});
