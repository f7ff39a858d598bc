import { Redis } from './redis.js';
import { freePort } from './server-process.js';

const SLOTS = 16_384;

/**
 * Starts the nodes of a cluster, where `ranges[i]` are the slots of node i. Resolves when each node knows all others.
 */
export async function startCluster(ranges: readonly (readonly [first: number, last: number])[]): Promise<Redis[]> {
  const nodes = await Promise.all(
    ranges.map(async () => {
      const port = String(await freePort());
      return Redis.start({
        args: ['--cluster-enabled', 'yes', '--cluster-port', port, '--cluster-node-timeout', '2000'],
      });
    }),
  );
  const buses = await Promise.all(nodes.map((node) => node.command(['CONFIG', 'GET', 'cluster-port'])));
  for (const [at, node] of nodes.entries()) {
    const [first, last] = ranges[at] as readonly [number, number];
    await node.command(['CONFIG', 'SET', 'cluster-require-full-coverage', 'yes']);
    // Two nodes with the same epoch would compete for their slots.
    await node.command(['CLUSTER', 'SET-CONFIG-EPOCH', at + 1]);
    if (last >= first) await node.command(['CLUSTER', 'ADDSLOTSRANGE', first, last]);
  }
  for (const [at, node] of nodes.entries()) {
    if (at === 0) continue;
    const [, bus] = buses[at] as [string, string];
    await nodes[0]?.command(['CLUSTER', 'MEET', node.host, node.port, bus]);
  }
  const slots = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  for (const node of nodes) await until(node, 'cluster_known_nodes', String(nodes.length));
  for (const node of nodes) await until(node, 'cluster_state', slots === SLOTS ? 'ok' : 'fail');
  return nodes;
}

/** Resolves when CLUSTER INFO of the node contains this value. */
export async function until(node: Redis, name: string, value: string): Promise<void> {
  for (;;) {
    const info = String(await node.command(['CLUSTER', 'INFO']));
    if (info.split('\r\n').includes(`${name}:${value}`)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
