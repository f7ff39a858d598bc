import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pingpong } from '../../src/checks/pingpong.js';
import { tcp } from '../../src/checks/tcp.js';
import { type Client, connect } from '../../src/client.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { createService, type Service, type ServiceOptions } from '../../src/service.js';

/** Short, so that a trial takes seconds; a dependency that stands still is noticed first. */
const ofDependency = { timeout: 150, interval: 100, maxAge: 100, floor: 10 };
const ofPeer = { timeout: 400, interval: 100, maxAge: 100, floor: 10 };
const DEADLINE = 1000;

/** A dependency that answers each connection, until it freezes: then it takes them and says nothing. */
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
    return tcp({ url: `tcp://127.0.0.1:${port}`, expect: 'well', ...ofDependency });
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

interface Report {
  instance: string;
  state: string;
  causes: { instance: string; via: string[]; check?: string; reason?: string }[];
  checks: Record<string, { state: string; reason?: string }[]>;
}

/** A service that is asked all the time, from its start to its stop. */
class Asked {
  /** Answers of a bare PING each, and whoever was not answered. */
  answers = 0;
  readonly unanswered: unknown[] = [];
  private asking = true;
  private readonly asked: Promise<void>;

  private constructor(
    readonly service: Service,
    private readonly client: Client,
  ) {
    this.asked = this.askOn();
  }

  static async start(port: number, checks: ServiceOptions['checks'], detail: ServiceOptions['detail']): Promise<Asked> {
    const listen = [{ url: `pong://127.0.0.1:${port}` }];
    const service = createService({ http: false, listen, ...(checks && { checks }), ...(detail && { detail }) });
    await service.start();
    return new Asked(service, await connect(`127.0.0.1:${port}`));
  }

  get instance(): string {
    return this.service.instance;
  }

  get state(): string {
    return this.service.health.stateOf('readiness');
  }

  /** What the client gets to see, and what the service itself knows. */
  async report(): Promise<Report> {
    const { report } = await this.client.ping({ detail: true, timeout: DEADLINE });
    return report as unknown as Report;
  }

  async stop(): Promise<void> {
    this.asking = false;
    await this.asked;
    this.client.destroy();
    await this.service.stop();
  }

  /** Each question wants a result that is new, so that each one could hang. */
  private async askOn(): Promise<void> {
    while (this.asking) {
      await this.client.ping({ timeout: DEADLINE, maxAge: 0 }).then(
        () => this.answers++,
        (error) => this.unanswered.push(error),
      );
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

const dependencies: Dependency[] = [];
const services = new Map<string, Asked>();

afterEach(async () => {
  await Promise.all([...services.values()].map((service) => service.stop()));
  await Promise.all(dependencies.map((dependency) => dependency.stop()));
  services.clear();
  dependencies.length = 0;
});

async function dependency(): Promise<Dependency> {
  const made = await new Dependency().start();
  dependencies.push(made);
  return made;
}

/** Ports that are free now, so that services can be told of each other before they are there. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

async function start(name: string, port: number, checks: ServiceOptions['checks'], detail?: ServiceOptions['detail']) {
  const service = await Asked.start(port, checks, detail);
  services.set(name, service);
  return service;
}

const peer = (port: number) => pingpong({ url: `pong://127.0.0.1:${port}`, ...ofPeer });

/** Resolves once all that are named are in that state at the same time. */
async function until(state: string, ...names: string[]): Promise<void> {
  const states = () => names.map((name) => services.get(name)?.state);
  const limit = performance.now() + 15_000;
  while (!states().every((found) => found === state)) {
    if (performance.now() > limit) throw new Error(`${names} are ${states()}, not ${state}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** That they are in no other state for many runs of every check. */
async function stay(state: string, ...names: string[]): Promise<void> {
  const runs = () => names.flatMap((name) => services.get(name)?.service.health.checks.map(({ stats }) => stats.runs));
  const before = runs() as number[];
  while (!(runs() as number[]).every((count, i) => count >= (before[i] as number) + 5)) {
    expect(names.map((name) => services.get(name)?.state)).toEqual(names.map(() => state));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function everyoneWasAnswered(): void {
  for (const { answers, unanswered } of services.values()) {
    expect(unanswered).toEqual([]);
    expect(answers).toBeGreaterThan(0);
  }
}

describe('responders in a chain', () => {
  it('name the root at its end at its start, and recover', async () => {
    const [a, b, c] = (await freePorts(3)) as [number, number, number];
    const db = await dependency();
    const C = await start('C', c, { db: db.check });
    const B = await start('B', b, { c: peer(c) });
    const A = await start('A', a, { b: peer(b) });
    await until('pass', 'A', 'B', 'C');
    db.freeze();
    await until('fail', 'A', 'B', 'C');
    const { causes, checks } = await A.report();
    expect(causes).toEqual([
      {
        instance: C.instance,
        via: [C.instance, B.instance],
        check: 'db',
        reason: 'timeout',
        output: expect.any(String),
      },
    ]);
    expect(checks.b).toMatchObject([{ state: 'fail', reason: 'dependency' }]);
    db.thaw();
    await until('pass', 'A', 'B', 'C');
    await stay('pass', 'A', 'B', 'C');
    expect((await A.report()).causes).toEqual([]);
    everyoneWasAnswered();
  }, 60_000);

  it('say who in it cannot be reached', async () => {
    const [a, b, c] = (await freePorts(3)) as [number, number, number];
    const B = await start('B', b, { c: peer(c) });
    const A = await start('A', a, { b: peer(b) });
    await until('fail', 'A', 'B');
    expect((await A.report()).causes).toMatchObject([{ instance: B.instance, check: 'c', reason: 'refused' }]);
    await start('C', c, {});
    await until('pass', 'A', 'B', 'C');
  }, 60_000);
});

describe.each(['always', 'never'] as const)('responders in a circle, with detail: %s', (detail) => {
  /** A checks a dependency and B, B checks A. */
  async function circle() {
    const [a, b] = (await freePorts(2)) as [number, number];
    const db = await dependency();
    const startA = () => start('A', a, { db: db.check, b: peer(b) }, detail);
    const A = await startA();
    const B = await start('B', b, { a: peer(a) }, detail);
    return { db, A, B, startA };
  }

  it('are both well again once the dependency of one is, and answer throughout', async () => {
    const { db, A } = await circle();
    await until('pass', 'A', 'B');
    for (let round = 0; round < 2; round++) {
      db.freeze();
      await until('fail', 'A', 'B');
      await stay('fail', 'A', 'B');
      if (detail === 'always') {
        const { causes, checks } = await A.report();
        expect(causes).toMatchObject([{ instance: A.instance, check: 'db', reason: 'timeout' }]);
        expect(checks.b).toMatchObject([{ reason: 'loop' }]);
      } else {
        expect(await A.report()).toBeUndefined();
      }
      db.thaw();
      await until('pass', 'A', 'B');
      await stay('pass', 'A', 'B');
    }
    everyoneWasAnswered();
  }, 60_000);

  it('are both well again where one of them was restarted meanwhile', async () => {
    const { db, A, startA } = await circle();
    await until('pass', 'A', 'B');
    db.freeze();
    await until('fail', 'A', 'B');
    await A.stop();
    expect(A.unanswered).toEqual([]);
    const again = await startA();
    expect(again.instance).not.toBe(A.instance);
    await until('fail', 'A', 'B');
    db.thaw();
    await until('pass', 'A', 'B');
    await stay('pass', 'A', 'B');
    everyoneWasAnswered();
  }, 60_000);

  it('are both well again once a third is, which only one of them checks', async () => {
    const [b, c, d] = (await freePorts(3)) as [number, number, number];
    const db = await dependency();
    const D = await start('D', d, { db: db.check }, detail);
    const B = await start('B', b, { c: peer(c) }, detail);
    const C = await start('C', c, { b: peer(b), d: peer(d) }, detail);
    await until('pass', 'B', 'C', 'D');
    db.freeze();
    await until('fail', 'B', 'C', 'D');
    await stay('fail', 'B', 'C');
    if (detail === 'always') {
      const root = { instance: D.instance, check: 'db', reason: 'timeout' };
      expect((await C.report()).causes).toMatchObject([{ ...root, via: [D.instance] }]);
      expect((await B.report()).causes).toMatchObject([{ ...root, via: [D.instance, C.instance] }]);
    }
    db.thaw();
    await until('pass', 'B', 'C', 'D');
    await stay('pass', 'B', 'C', 'D');
    everyoneWasAnswered();
  }, 60_000);

  it('are well of whom each checks itself', async () => {
    const [a] = (await freePorts(1)) as [number];
    const db = await dependency();
    await start('A', a, { db: db.check, self: peer(a) }, detail);
    await until('pass', 'A');
    db.freeze();
    await until('fail', 'A');
    db.thaw();
    await until('pass', 'A');
    await stay('pass', 'A');
    everyoneWasAnswered();
  }, 60_000);
});
