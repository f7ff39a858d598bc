import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Peer, ping, pingWith, pong } from '../server/peer.js';
import { Responder } from './responder.js';
import { Trial } from './trial.js';

const id = 'a1a2a3a4a5a6a7a8';
const FILES = 1024;
const CROWD = 10_000;

const trial = new Trial();
const closes: (() => void)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) close();
  await trial.close();
});

function crowd(port: number, from: string, count = CROWD) {
  return trial.node('crowd.js', [JSON.stringify({ to: { host: '127.0.0.1', port }, count, from })]);
}

/** Asserts that a new connection is answered. */
async function isServed(port: number): Promise<void> {
  const peer = await Peer.connect(port);
  closes.push(() => peer.socket.destroy());
  peer.sendHex(ping(id));
  expect(await peer.hex(16)).toBe(pong(id, '01'));
}

function valueOf(metrics: string, series: string): number {
  const line = metrics.split('\n').find((text) => text.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

describe('20,000 connections with a lower open file limit', () => {
  it('are refused cleanly beyond the file limit, each is counted, and the listener stays open', async () => {
    const responder = await Responder.start(trial, {}, { files: FILES });
    closes.push(() => responder.close());
    const taken = valueOf(await responder.text('/metrics'), 'pongcheck_connections_limit');
    // A quarter is reserved for HTTP.
    expect(taken).toBe((FILES - 64) * 0.75);
    const told = responder.program.said.find(({ files }) => files === FILES);
    expect(told).toMatchObject({ level: 'warn', maxConnections: taken });

    const crowds = [crowd(responder.port, '127.0.0.1'), crowd(responder.port, '127.0.0.2')];
    const settled = await Promise.all(crowds.map((program) => program.says('settled')));
    const sum = (what: string) => settled.reduce((all, outcome) => all + outcome[what], 0);
    expect(settled.flatMap(({ odd }) => odd)).toEqual([]);
    expect([sum('answered'), sum('refused')]).toEqual([taken, 2 * CROWD - taken]);

    const full = await responder.text('/metrics');
    expect(valueOf(full, 'pongcheck_connections_refused_total{reason="max-connections"}')).toBe(2 * CROWD - taken);
    expect(valueOf(full, 'pongcheck_connections')).toBe(taken);
    const lines = responder.program.all('connection closed on accept: max-connections');
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(20);

    const [first] = crowds;
    await first?.ask({ leave: true }, 'left');
    await isServed(responder.port);
  });

  it('of PING and HTTP together leave descriptors for the checks', async () => {
    const dependency = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(dependency, 'listening');
    closes.push(() => dependency.close());
    const { port } = dependency.address() as AddressInfo;
    const checks = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`c${i}`, { kind: 'tcp', url: `tcp://127.0.0.1:${port}`, interval: 0 }]),
    );
    const responder = await Responder.start(trial, { checks }, { files: FILES });
    closes.push(() => responder.close());
    const peer = await Peer.connect(responder.port);
    closes.push(() => peer.socket.destroy());
    const visitors = crowd(responder.port, '127.0.0.1', 2000);
    await visitors.says('settled');
    const httpPort = Number(responder.http.split(':')[1]);
    for (let i = 0; i < 1200; i++) {
      const socket = connect(httpPort, '127.0.0.1').on('error', () => {});
      closes.push(() => socket.destroy());
      await once(socket, 'connect');
    }
    for (let run = 0; run < 5; run++) {
      peer.sendHex(pingWith(id, { maxAgeMs: 0, group: 'all' }));
      expect(await peer.hex(16)).toBe(pong(id, '01'));
    }
  });

  it('do not close a listener whose process has its files open elsewhere', async () => {
    const server = await trial.server({ held: 200 }, { files: FILES });
    const visitors = crowd(server.ports[0] as number, '127.0.0.1', 2000);
    const { answered, refused, odd } = await visitors.says('settled');
    expect(odd).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    expect(answered + refused).toBe(2000);
    expect(refused).toBeGreaterThan(2000 - FILES);
    await visitors.ask({ leave: true }, 'left');
    await isServed(server.ports[0] as number);
  });
});
