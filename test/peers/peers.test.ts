import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ping } from '../../src/client.js';
import { createService, type Service } from '../../src/service/service.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server that accepts connections and never answers. */
async function blackHole(): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

interface Instance {
  service: Service;
  url: string;
  /** Whether the instance can reach the database. */
  db: { works: boolean };
}

/** Instances of one service that know each other's addresses and other addresses. */
async function instances(count: number, others: string[] = [], threads = 0): Promise<Instance[]> {
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const from = [...ports.map((port) => `pong://127.0.0.1:${port}`), ...others];
  const all = await Promise.all(ports.map((port) => instance(`pong://127.0.0.1:${port}`, from, threads)));
  for (const { url } of all) await until(url, 'pass');
  return all;
}

async function instance(url: string, from: string[], threads: number, works = true): Promise<Instance> {
  const db = { works };
  const service = createService({
    listen: [{ url }],
    http: false,
    threads,
    peers: { from, ask: 8, timeout: 500 },
    checks: {
      db: {
        kind: 'mine',
        interval: 100,
        minInterval: 10,
        onShared: 'warn',
        run: async () => {
          if (!db.works) throw new Error('no route to the database');
          return { status: 'pass' };
        },
      },
    },
  });
  closing.push(() => service.stop());
  await service.start();
  return { service, url, db };
}

async function report(url: string): Promise<any> {
  const { status, report } = await ping(url, { detail: true });
  return { status, ...(report as any) };
}

interface Tally {
  fate: string;
  peers: { asked: number; answered: number; failing: number };
}

/** Waits until the status is as wanted and the entry of the check matches. Returns the report. */
async function until(url: string, wanted: string, matches: (check: Tally) => boolean = () => true): Promise<any> {
  for (;;) {
    const seen = await report(url);
    if (seen.status === wanted && matches(seen.checks.db[0])) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The first rounds may reach peers before their own failure, or with a result from before the last one here. */
const allFail = ({ peers }: Tally) => peers.answered === 3 && peers.failing === 3;
const allWork = ({ peers }: Tally) => peers.answered === 3 && peers.failing === 0;

describe.each([0, 1])('instances that query each other, with threads: %i', (threads) => {
  it('stay in rotation when the database fails for all of them', async () => {
    const all = await instances(4, [], threads);
    for (const { db } of all) db.works = false;
    for (const { url } of all) {
      const { checks, causes } = await until(url, 'warn', allFail);
      const verdict = { fate: 'shared', peers: { answered: 3, failing: 3 } };
      expect(checks.db).toMatchObject([{ state: 'fail', ...verdict }]);
      expect(causes).toMatchObject([{ check: 'db', state: 'warn', ...verdict }]);
    }
    for (const { db } of all) db.works = true;
    for (const { url } of all) await until(url, 'pass');
  });

  it('remove only the one that has lost its connection from rotation', async () => {
    const all = await instances(4, [], threads);
    const [lost, ...others] = all as [Instance, ...Instance[]];
    lost.db.works = false;
    expect((await until(lost.url, 'fail', allWork)).checks.db).toMatchObject([{ state: 'fail', fate: 'local' }]);
    for (const { url } of others) expect((await report(url)).status).toBe('pass');
    lost.db.works = true;
    await until(lost.url, 'pass');
  });
});

describe('an instance that queries peers', () => {
  it('fails if the only peer fails too', async () => {
    const all = await instances(2);
    for (const { db } of all) db.works = false;
    for (const { url } of all) await until(url, 'fail', ({ fate }) => fate === 'unknown');
  });

  it('does not enter rotation if its check has never passed', async () => {
    const all = await instances(3);
    for (const { db } of all) db.works = false;
    for (const { url } of all) await until(url, 'warn');
    const from = all.map(({ url }) => url);
    const { url } = await instance(`pong://127.0.0.1:${await freePort()}`, from, 0, false);
    const { status, checks } = await report(url);
    expect(status).toBe('fail');
    expect(checks.db).toMatchObject([{ fate: 'unknown', peers: { asked: 0, answered: 0, failing: 0 } }]);
  });

  it('reaches its verdict beside peers that are dead, do not answer, or are itself', async () => {
    const dead = `pong://127.0.0.1:${await freePort()}`;
    const silent = `pong://127.0.0.1:${await blackHole()}`;
    const all = await instances(4, [dead, silent]);
    for (const { db } of all) db.works = false;
    for (const { url } of all) {
      expect((await until(url, 'warn', allFail)).checks.db).toMatchObject([{ fate: 'shared' }]);
    }
  });

  it('queries no peer, and has no connection to peers, while its check passes', async () => {
    const all = await instances(3);
    for (const { db } of all) db.works = false;
    for (const { url } of all) await until(url, 'warn');
    for (const { db } of all) db.works = true;
    for (const { url } of all) await until(url, 'pass');
    while ((await Promise.all(all.map(({ service }) => service.connections()))).some(({ length }) => length > 0)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
});
