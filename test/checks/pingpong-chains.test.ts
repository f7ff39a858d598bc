import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { tcpCheck } from '../../src/checks/tcp/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { freePorts, ofDependency, peer, Responders } from './responders.js';

/** A dependency that answers each connection until it freezes. After that, it accepts connections and sends nothing. */
class Dependency {
  private frozen = false;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server = createServer((socket) => {
    this.sockets.add(socket);
    socket.on('error', () => {}).once('close', () => this.sockets.delete(socket));
    if (!this.frozen) socket.write('well');
  });

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    for (const socket of this.sockets) socket.write('well');
  }

  get check(): CheckDefinition {
    const { port } = this.server.address() as AddressInfo;
    return tcpCheck({ url: `tcp://127.0.0.1:${port}`, expect: 'well', ...ofDependency });
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

const dependencies: Dependency[] = [];
const responders = new Responders();

afterEach(async () => {
  await responders.stop();
  await Promise.all(dependencies.map((dependency) => dependency.stop()));
  dependencies.length = 0;
});

async function dependency(): Promise<Dependency> {
  const made = await new Dependency().start();
  dependencies.push(made);
  return made;
}

describe('responders in a chain', () => {
  it('report the root cause at the end of the chain at its start, and recover', async () => {
    const [a, b, c] = (await freePorts(3)) as [number, number, number];
    const db = await dependency();
    const C = await responders.start('C', c, { db: db.check });
    const B = await responders.start('B', b, { c: peer(c) });
    const A = await responders.start('A', a, { b: peer(b) });
    await responders.until('pass', 'A', 'B', 'C');
    db.freeze();
    await responders.until('fail', 'A', 'B', 'C');
    const { causes, checks } = await A.report();
    expect(causes).toEqual([
      {
        instance: C.instance,
        via: [C.instance, B.instance],
        through: 'b',
        check: 'db',
        target: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/),
        state: 'fail',
        reason: 'timeout',
        output: expect.any(String),
      },
    ]);
    expect(checks.b).toMatchObject([{ state: 'fail', reason: 'dependency' }]);
    db.thaw();
    await responders.until('pass', 'A', 'B', 'C');
    await responders.stay('pass', 'A', 'B', 'C');
    expect((await A.report()).causes).toEqual([]);
    responders.everyoneWasAnswered();
  }, 60_000);

  it('name the responder that cannot be reached', async () => {
    const [a, b, c] = (await freePorts(3)) as [number, number, number];
    const B = await responders.start('B', b, { c: peer(c) });
    const A = await responders.start('A', a, { b: peer(b) });
    await responders.until('fail', 'A', 'B');
    expect((await A.report()).causes).toMatchObject([{ instance: B.instance, check: 'c', reason: 'refused' }]);
    await responders.start('C', c, {});
    await responders.until('pass', 'A', 'B', 'C');
  }, 60_000);
});

describe.each(['always', 'never'] as const)('responders in a cycle, with detail: %s', (detail) => {
  /** A checks a dependency and B. B checks A. */
  async function circle() {
    const [a, b] = (await freePorts(2)) as [number, number];
    const db = await dependency();
    const startA = () => responders.start('A', a, { db: db.check, b: peer(b) }, detail);
    const A = await startA();
    const B = await responders.start('B', b, { a: peer(a) }, detail);
    return { db, A, B, startA };
  }

  it('both recover when the dependency of one recovers, and answer throughout', async () => {
    const { db, A } = await circle();
    await responders.until('pass', 'A', 'B');
    for (let round = 0; round < 2; round++) {
      db.freeze();
      await responders.until('fail', 'A', 'B');
      await responders.stay('fail', 'A', 'B');
      if (detail === 'always') {
        const { causes, checks } = await A.report();
        expect(causes).toMatchObject([{ instance: A.instance, check: 'db', reason: 'timeout' }]);
        expect(checks.b).toMatchObject([{ reason: 'loop' }]);
      } else {
        expect(await A.report()).toBeUndefined();
      }
      db.thaw();
      await responders.until('pass', 'A', 'B');
      await responders.stay('pass', 'A', 'B');
    }
    responders.everyoneWasAnswered();
  }, 60_000);

  it('both recover if one of them was restarted in the meantime', async () => {
    const { db, A, startA } = await circle();
    await responders.until('pass', 'A', 'B');
    db.freeze();
    await responders.until('fail', 'A', 'B');
    await A.stop();
    expect(A.unanswered).toEqual([]);
    const again = await startA();
    expect(again.instance).not.toBe(A.instance);
    await responders.until('fail', 'A', 'B');
    db.thaw();
    await responders.until('pass', 'A', 'B');
    await responders.stay('pass', 'A', 'B');
    responders.everyoneWasAnswered();
  }, 60_000);

  it('both recover when a third one recovers, which only one of them checks', async () => {
    const [b, c, d] = (await freePorts(3)) as [number, number, number];
    const db = await dependency();
    const D = await responders.start('D', d, { db: db.check }, detail);
    const B = await responders.start('B', b, { c: peer(c) }, detail);
    const C = await responders.start('C', c, { b: peer(b), d: peer(d) }, detail);
    await responders.until('pass', 'B', 'C', 'D');
    db.freeze();
    await responders.until('fail', 'B', 'C', 'D');
    await responders.stay('fail', 'B', 'C');
    if (detail === 'always') {
      const root = { instance: D.instance, check: 'db', reason: 'timeout' };
      expect((await C.report()).causes).toMatchObject([{ ...root, via: [D.instance] }]);
      expect((await B.report()).causes).toMatchObject([{ ...root, via: [D.instance, C.instance] }]);
    }
    db.thaw();
    await responders.until('pass', 'B', 'C', 'D');
    await responders.stay('pass', 'B', 'C', 'D');
    responders.everyoneWasAnswered();
  }, 60_000);

  it('recover if each of them checks itself', async () => {
    const [a] = (await freePorts(1)) as [number];
    const db = await dependency();
    await responders.start('A', a, { db: db.check, self: peer(a) }, detail);
    await responders.until('pass', 'A');
    db.freeze();
    await responders.until('fail', 'A');
    db.thaw();
    await responders.until('pass', 'A');
    await responders.stay('pass', 'A');
    responders.everyoneWasAnswered();
  }, 60_000);
});

describe('responders in a cycle, each with a minor failure that lasts', () => {
  it('warn again when the dependency of one recovers', async () => {
    const [a, b] = (await freePorts(2)) as [number, number];
    const db = await dependency();
    const behind = () => ({
      kind: 'function',
      run: async () => ({ status: 'warn' as const, reason: 'lag' as const }),
    });
    const A = await responders.start('A', a, { db: db.check, replica: behind(), b: peer(b) });
    await responders.start('B', b, { replica: behind(), a: peer(a) });
    await responders.until('warn', 'A', 'B');
    db.freeze();
    await responders.until('fail', 'A', 'B');
    expect((await A.report()).checks.b).toMatchObject([{ state: 'warn', reason: 'dependency' }]);
    db.thaw();
    await responders.until('warn', 'A', 'B');
    await responders.stay('warn', 'A', 'B');
    responders.everyoneWasAnswered();
  }, 60_000);
});
