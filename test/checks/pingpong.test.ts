import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type PingpongOptions, pingpongCheck } from '../../src/checks/pingpong/index.js';
import type { CheckDefinition, CheckResult } from '../../src/health/check.js';
import { error, pong, ScriptedServer, type SeenFrame } from '../client/scripted-server.js';

const DETAIL = 0x01;
const HOPS_SHIFT = 4;
const FATAL = 0x01;
const STALE = 0x02;

let server: ScriptedServer;
let check: CheckDefinition;

afterEach(async () => {
  await check.close?.();
  await server.stop();
});

/** A check of a responder that answers according to the script. */
async function against(script: (frame: SeenFrame) => Buffer | undefined, options: Partial<PingpongOptions> = {}) {
  server = await ScriptedServer.listen((frame, socket) => {
    const answer = script(frame);
    if (answer) socket.write(answer);
  });
  check = pingpongCheck({ url: `pong://${server.address}`, ...options });
}

/** One run with this timeout in milliseconds. */
function run(timeout = 800, hops?: number): Promise<CheckResult> {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(new Error('the run is over')), timeout);
  const done = check.run(aborter.signal, performance.now() + timeout, hops);
  return done.finally(() => clearTimeout(timer));
}

/** Status codes of PONGs. */
const codes = { unknown: 0, pass: 1, warn: 2, fail: 3, draining: 4, starting: 5, 'not-found': 6 };
const report = (causes: unknown, instance: unknown = 'peer') => JSON.stringify({ state: 'fail', instance, causes });

describe('the request of a pingpong check', () => {
  it('is one PING with DETAIL, one hop more than the requester, and a deadline 100 ms earlier', async () => {
    await against(({ id }) => pong(id));
    await run(8000);
    await run(6000, 2);
    expect(server.frames).toMatchObject([
      { type: 1, code: 0, flags: DETAIL | (1 << HOPS_SHIFT) },
      { type: 1, code: 0, flags: DETAIL | (3 << HOPS_SHIFT) },
    ]);
    const [first, second] = server.frames.map(({ body }) => JSON.parse(body).timeoutMs);
    expect([first <= 7900, first > 7000, second <= 5900, second > 5000]).toEqual([true, true, true, true]);
  });

  it('contains a scope and checks, or a group', async () => {
    await against(({ id }) => pong(id), { scope: 'startup', checks: ['db', 'cache'] });
    await run();
    expect(server.frames).toMatchObject([{ code: 2 }]);
    expect(JSON.parse(server.frames[0]?.body as string)).toMatchObject({ checks: ['db', 'cache'] });
  });

  it('requests the current state if its timeout leaves no more time', async () => {
    await against(({ id }) => pong(id));
    await run(90);
    expect(server.frames).toMatchObject([{ body: '{"timeoutMs":0}' }]);
  });

  it('never contains more hops than a PING can represent', async () => {
    await against(({ id }) => pong(id));
    await run(800, 15);
    expect((server.frames[0]?.flags as number) >> HOPS_SHIFT).toBe(15);
  });
});

describe('the answer of a responder', () => {
  it.each([
    ['pass', 'pass'],
    ['warn', 'warn'],
    ['fail', 'fail'],
    ['draining', 'warn'],
    ['starting', 'unknown'],
    ['not-found', 'unknown'],
    ['unknown', 'unknown'],
  ] as const)('with %s is %s here', async (said, status) => {
    await against(({ id }) => pong(id, codes[said]));
    const result = await run();
    expect(result).toMatchObject({ status, observedValue: said, observedUnit: 'state' });
    expect(result.reason).toBe(status === 'pass' ? undefined : 'dependency');
    expect(result).not.toHaveProperty('causes');
  });

  it('with a private status is unknown', async () => {
    await against(({ id }) => pong(id, 200));
    expect(await run()).toMatchObject({ status: 'unknown', reason: 'dependency' });
  });

  it('counts if it is stale, and the output states that', async () => {
    const causes = [{ instance: 'peer', via: [], check: 'db', reason: 'timeout' }];
    await against(({ id }) =>
      server.frames.length === 1 ? pong(id, codes.pass, STALE) : pong(id, codes.fail, STALE, report(causes)),
    );
    expect(await run()).toMatchObject({ status: 'pass', output: `${server.address} reports pass, last known state` });
    expect(await run()).toMatchObject({
      status: 'fail',
      output: `${server.address} reports fail, last known state (db: timeout)`,
    });
  });

  it('passes its causes on, with the responder in their path', async () => {
    const causes = [
      { instance: 'peer', via: [], check: 'db', reason: 'timeout', output: 'no answer' },
      { instance: 'far', via: ['far', 'between'] },
    ];
    await against(({ id }) => pong(id, codes.fail, 0, report(causes)));
    const result = await run();
    expect(result.causes).toEqual([
      { instance: 'peer', via: ['peer'], check: 'db', reason: 'timeout', output: 'no answer' },
      { instance: 'far', via: ['far', 'between', 'peer'] },
    ]);
    expect(result.output).toBe(`${server.address} reports fail (db: timeout)`);
  });

  it('passes no causes on while the responder is draining', async () => {
    const body = report([{ instance: 'peer', via: [], check: 'db' }]);
    await against(({ id }) => pong(id, codes.draining, 0, body));
    expect(await run()).not.toHaveProperty('causes');
  });

  it.each([
    ['no array', report('db')],
    ['no instance of the peer', report([{ instance: 'peer', via: [] }], 7)],
    ['a cause without via', report([{ instance: 'peer', via: [] }, { instance: 'peer' }])],
    ['a cause that is none', report([null])],
    ['a name that is none', report([{ instance: 'peer', via: [], check: {} }])],
    ['a cause with an empty instance', report([{ instance: '', via: [] }])],
  ])('counts as a failure without causes if the causes cannot be read: %s', async (_, body) => {
    await against(({ id }) => pong(id, codes.fail, 0, body));
    const result = await run();
    expect(result).toMatchObject({ status: 'fail', reason: 'dependency' });
    expect(result).not.toHaveProperty('causes');
  });
});

describe('the connection of a pingpong check', () => {
  it('is kept between runs', async () => {
    await against(({ id }) => pong(id));
    for (let i = 0; i < 5; i++) await run();
    expect(server.sockets).toHaveLength(1);
  });

  it.each(['end', 'resetAndDestroy'] as const)(
    'is reopened immediately after the other side has closed it (%s)',
    async (end) => {
      await against(({ id }) => pong(id));
      await run();
      server.sockets[0]?.[end]();
      expect(await run()).toMatchObject({ status: 'pass' });
      expect(server.sockets).toHaveLength(2);
    },
  );

  it('is reopened if it is closed instead of an answer', async () => {
    await against(({ id }) => {
      if (server.frames.length !== 2) return pong(id);
      server.sockets[0]?.destroy();
      return undefined;
    });
    await run();
    expect(await run()).toMatchObject({ status: 'pass' });
    expect(server.sockets).toHaveLength(2);
  });

  it('is not tried twice when it is new', async () => {
    await against(() => {
      for (const socket of server.sockets) socket.destroy();
      return undefined;
    });
    await expect(run()).rejects.toMatchObject({ reason: 'reset' });
    expect(server.sockets).toHaveLength(1);
  });

  it('is abandoned after a run without an answer', async () => {
    await against(({ id }) => (server.sockets.length === 1 ? undefined : pong(id)));
    await expect(run(150)).rejects.toThrow('the run is over');
    expect(await run()).toMatchObject({ status: 'pass' });
    expect(server.sockets).toHaveLength(2);
  });

  it('is kept if an answer only arrived late', async () => {
    let first: bigint | undefined;
    await against(({ id }) => {
      if (first !== undefined) return pong(id);
      first = id;
      return undefined;
    });
    await expect(run(150)).rejects.toThrow('the run is over');
    const socket = server.sockets[0] as Socket;
    await new Promise((resolve) => socket.write(pong(first as bigint), resolve));
    // The data is in the other socket of this process, so a few turns of the event loop read it.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(await run()).toMatchObject({ status: 'pass' });
    expect(server.sockets).toHaveLength(1);
  });

  it('is closed with the check, even while it is being opened', async () => {
    await against(({ id }) => pong(id));
    const asked = run();
    await check.close?.();
    await expect(asked).rejects.toMatchObject({ reason: 'internal' });
  });
});

describe('the reason of a pingpong check', () => {
  it('is refused if nothing listens', async () => {
    await against(() => undefined);
    const { port } = server;
    await server.stop();
    check = pingpongCheck({ url: `pong://127.0.0.1:${port}` });
    await expect(run()).rejects.toMatchObject({ reason: 'refused' });
    await against(() => undefined);
  });

  it.each([
    [6, 'auth'],
    [11, 'too-many-connections'],
    [1, 'protocol'],
  ])('for ERROR %i is %s', async (code, reason) => {
    await against(({ id }) => error(id, code, FATAL));
    await expect(run()).rejects.toMatchObject({ reason });
  });

  it('is tls if a server without TLS closes the connection during the handshake', async () => {
    await against(() => undefined);
    const plain = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.end());
    }).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    check = pingpongCheck({ url: `pongs://localhost:${(plain.address() as AddressInfo).port}` });
    const failed = run();
    failed.catch(() => {}).finally(() => plain.close());
    await expect(failed).rejects.toMatchObject({ reason: 'tls', message: expect.stringContaining('pong://') });
  });

  it('is protocol if the answer is invalid', async () => {
    await against(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(run()).rejects.toMatchObject({ reason: 'protocol' });
  });
});

describe('the options of a pingpong check', () => {
  it.each([
    [{ url: 'http://127.0.0.1:80' }, /allowed: pong:/],
    [{ url: '127.0.0.1:0' }, /port 0/],
    [{ url: '127.0.0.1', scope: 'health' }, /scope/],
    [{ url: '127.0.0.1', checks: [] }, /1 to 32/],
    [
      { url: '127.0.0.1', checks: ['a'], group: 'b' },
      /^pingpong check: group is given together with checks; allowed: one of them$/,
    ],
    [{ url: '127.0.0.1', group: 'x'.repeat(1024) }, /^pingpong check is not a valid request \(/],
    [{ url: '127.0.0.1', tls: { verify: false } }, /^pingpong check: tls is given without pongs/],
    [{ url: 'pongs://127.0.0.1', tls: { cert: 'c.pem' } }, /tls\.key is missing; allowed: cert and key together/],
  ])('refuse %j', async (options, why) => {
    await against(() => undefined);
    expect(() => pingpongCheck(options as PingpongOptions)).toThrow(
      expect.objectContaining({ code: 'PONGCHECK_CONFIG', message: expect.stringMatching(why) }),
    );
  });
});
