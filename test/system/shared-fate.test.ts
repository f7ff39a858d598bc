import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { stringify } from 'yaml';
import { ping } from '../../src/client.js';
import { compiledPackage } from '../cli/compiled.js';
import { MariaDb } from '../live/mariadb.js';
import { ownServer } from '../live/own-server.js';
import { TcpProxy } from '../live/proxy.js';
import { freePort } from '../live/server-process.js';
import { NameServer } from './name-server.js';
import { Responder } from './responder.js';
import { Trial } from './trial.js';

const itOwnServer = ownServer('TEST_MYSQL_URL');
const trial = new Trial();
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-fate-'));
const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true }), () => trial.close()];

/** Addresses of the instances. All have the same port, like the pods of a headless service. */
const SHOP = ['127.0.0.11', '127.0.0.12', '127.0.0.13', '127.0.0.14', '127.0.0.15'];
const SIXTH = '127.0.0.16';
const FEW = ['127.0.0.21', '127.0.0.22', '127.0.0.23'];
const DEAD = '127.0.0.24';
const BLACK_HOLE = '127.0.0.25';

let port: number;
let mariadb: MariaDb;
let names: NameServer;

beforeAll(async () => {
  port = await freePort();
  mariadb = await MariaDb.start();
  closing.push(() => mariadb.stop());
  names = await NameServer.start({ 'shop.test': SHOP, 'few.test': [...FEW, DEAD, BLACK_HOLE] });
  closing.push(() => names.close());
}, 60_000);

afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

interface Instance {
  host: string;
  /** The instance's connection to the database. */
  relay: TcpProxy;
}

async function start(host: string, peers: string): Promise<Instance> {
  const relay = await TcpProxy.start({ to: mariadb.port });
  closing.push(() => relay.stop());
  const config = {
    listen: [{ url: `pong://${host}:${port}` }],
    peers: { from: [`pong://${peers}:${port}`], timeout: '1s' },
    checks: {
      db: { kind: 'mysql', url: mariadb.url({ port: relay.port }), interval: '1s', timeout: '500ms', onShared: 'warn' },
    },
  };
  const responder = await Responder.start(trial, config, { env: names.env });
  closing.push(() => responder.close());
  return { host, relay };
}

async function report({ host }: Instance): Promise<any> {
  const { status, report } = await ping(`pong://${host}:${port}`, { detail: true });
  return { status, ...(report as any) };
}

/** Waits until the status, and the fate of the failure, are as wanted. Returns the report. */
async function until(instance: Instance, wanted: string, fate?: string): Promise<any> {
  for (;;) {
    const seen = await report(instance);
    if (seen.status === wanted && seen.checks.db[0].fate === fate) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const allUntil = (instances: readonly Instance[], wanted: string, fate?: string): Promise<any[]> =>
  Promise.all(instances.map((instance) => until(instance, wanted, fate)));

/** HAProxy in front of these hosts, with the output of `emit haproxy`. */
async function balance(hosts: readonly string[]) {
  const [socket, config, file] = ['haproxy.sock', 'pongcheck.yml', 'haproxy.cfg'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(config, stringify({ listen: [{ url: `pong://${hosts[0]}:${port}` }] }));
  const cli = join(compiledPackage(), 'dist', 'cli.js');
  const servers = hosts.flatMap((host) => ['--server', `${host}:80`]);
  const emit = [cli, 'emit', 'haproxy', '--config', config, ...servers];
  const backend = execFileSync(process.execPath, emit, { encoding: 'utf8' });
  const defaults = 'defaults\n  timeout connect 2s\n  timeout client 5s\n  timeout server 5s';
  writeFileSync(file, `global\n  stats socket ${socket}\n${defaults}\n${backend}\n`);
  trial.program(['haproxy', '-db', '-f', file]);
  return {
    /** Status of each server, and of its last check. */
    async servers(): Promise<{ status: string; check: string }[]> {
      const [head = [], ...rows] = (await ask(socket, 'show stat')).split('\n').map((line) => line.split(','));
      const [status, check] = [head.indexOf('status'), head.indexOf('check_status')];
      return rows
        .filter(([, name]) => /^s\d+$/.test(name ?? ''))
        .map((row) => ({ status: row[status] ?? '', check: row[check] ?? '' }));
    },
    /** Waits until these are the only servers in rotation. */
    async until(...inRotation: string[]): Promise<void> {
      for (;;) {
        const all = await this.servers().catch(() => []);
        const up = hosts.filter((_, n) => all[n]?.status.startsWith('UP'));
        if (all.length === hosts.length && up.join() === inRotation.join()) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

function ask(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(path, () => socket.end(`${command}\n`));
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(text));
  });
}

/** Accepts connections and never answers. */
async function blackHole(host: string): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}

describe('instances behind HAProxy that share one database', () => {
  itOwnServer(
    'stay in rotation when it fails for all, leave when it fails for them alone, and do not enter while it fails',
    async () => {
      const all = await Promise.all(SHOP.map((host) => start(host, 'shop.test')));
      const haproxy = await balance([...SHOP, SIXTH]);
      await allUntil(all, 'pass');
      await haproxy.until(...SHOP);

      await mariadb.freeze();
      for (const { checks, causes } of await allUntil(all, 'warn', 'shared')) {
        const verdict = { fate: 'shared', peers: { answered: expect.any(Number), failing: expect.any(Number) } };
        expect(checks.db).toMatchObject([{ state: 'fail', ...verdict }]);
        expect(causes).toMatchObject([{ check: 'db', state: 'warn', ...verdict }]);
      }
      await haproxy.until(...SHOP);

      const sixth = await start(SIXTH, 'shop.test');
      expect((await until(sixth, 'fail', 'unknown')).checks.db).toMatchObject([{ peers: { asked: 0 } }]);
      // HAProxy has checked it since it began to listen, so it is out of rotation because of its answers.
      while (!(await haproxy.servers())[5]?.check.startsWith('L7')) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await haproxy.until(...SHOP);

      mariadb.thaw();
      await allUntil([...all, sixth], 'pass');
      await haproxy.until(...SHOP, SIXTH);

      const [first, second, ...others] = all as [Instance, Instance, ...Instance[]];
      first.relay.freeze();
      const { checks } = await until(first, 'fail', 'local');
      expect(checks.db).toMatchObject([{ state: 'fail', peers: { failing: 0 } }]);
      await haproxy.until(...SHOP.slice(1), SIXTH);
      await allUntil([second, ...others], 'pass');

      first.relay.thaw();
      await until(first, 'pass');
      await haproxy.until(...SHOP, SIXTH);
      for (const { relay } of [first, second]) relay.freeze();
      await allUntil([first, second], 'fail', 'local');
      await haproxy.until(...SHOP.slice(2), SIXTH);
      await allUntil(others, 'pass');

      // They return to rotation while the database fails for the others too.
      await mariadb.freeze();
      await allUntil(all, 'warn', 'shared');
      mariadb.thaw();
      await allUntil([first, second], 'fail', 'local');
      await allUntil(others, 'pass');
      await haproxy.until(...SHOP.slice(2), SIXTH);
      await Promise.all([first, second].map(({ relay }) => relay.thaw()));
      await allUntil(all, 'pass');
    },
  );
});

describe('peers behind a name', () => {
  itOwnServer('are queried beside a dead one, one that does not answer, and the instance itself', async () => {
    await blackHole(BLACK_HOLE);
    const all = await Promise.all(FEW.map((host) => start(host, 'few.test')));
    await allUntil(all, 'pass');
    await mariadb.freeze();
    for (const { checks } of await allUntil(all, 'warn', 'shared')) {
      expect(checks.db).toMatchObject([{ peers: { asked: 4, answered: 2, failing: 2 } }]);
    }
    mariadb.thaw();
    await allUntil(all, 'pass');
  });
});
