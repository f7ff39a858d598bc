import { getEventListeners, getMaxListeners } from 'node:events';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { PingOptions, Pong } from '../../src/client.js';
import { FakeClock, settle } from '../fake-clock.js';
import { passing, pong, type SeenFrame } from './scripted-server.js';
import { rejection, setting } from './setting.js';

describe('a PING', () => {
  const { serve, connected } = setting();
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is 16 bytes without options, and its id increases', async () => {
    const server = await serve(passing);
    const client = await connected(server);
    await client.ping();
    await client.ping();
    expect(server.octets.toString('hex')).toBe(
      '0000000c' + '01010000' + '0000000000000001' + '0000000c' + '01010000' + '0000000000000002',
    );
  });

  it.each<[string, PingOptions, Partial<SeenFrame>, object | undefined]>([
    ['liveness', { scope: 'liveness' }, { code: 1 }, undefined],
    ['startup', { scope: 'startup' }, { code: 2 }, undefined],
    ['detail', { detail: true }, { flags: 0x01 }, undefined],
    ['close', { close: true }, { flags: 0x02 }, undefined],
    ['hops', { hops: 15, detail: true }, { flags: 0xf1 }, undefined],
    ['checks', { checks: ['mysql', 'redis'] }, {}, { checks: ['mysql', 'redis'] }],
    ['a group', { group: 'all' }, {}, { group: 'all' }],
    ['times', { maxAge: 0, timeout: 1500 }, {}, { maxAgeMs: 0, timeoutMs: 1500 }],
    [
      'own',
      { own: true, checks: ['a'], timeout: 0, hops: 1 },
      { flags: 0x10 },
      { checks: ['a'], own: true, timeoutMs: 0 },
    ],
    ['any age', { maxAge: 2147483647 }, {}, { maxAgeMs: 2147483647 }],
  ])('contains %s', async (_, options, expected, body) => {
    const server = await serve(passing);
    const client = await connected(server);
    await client.ping(options);
    const seen = await server.frame();
    expect(seen).toMatchObject({ type: 1, flags: 0, code: 0, ...expected });
    expect(seen.body).toBe(body === undefined ? '' : JSON.stringify(body));
  });

  it.each([
    [0, 'unknown', false],
    [1, 'pass', true],
    [2, 'warn', true],
    [3, 'fail', false],
    [4, 'draining', false],
    [5, 'starting', false],
    [6, 'not-found', false],
    [7, 'unknown', false],
    [128, 'unknown', false],
    [255, 'unknown', false],
  ])('answered with status %d is %s', async (code, status, healthy) => {
    const server = await serve((seen, socket) => socket.write(pong(seen.id, code)));
    const client = await connected(server);
    const answer = await client.ping();
    expect(answer).toEqual({ status, code, healthy, stale: false, truncated: false, rtt: expect.any(Number) });
    expect(answer.rtt).toBeGreaterThan(0);
  });

  it('returns the report, and whether it is stale or truncated', async () => {
    const report = { status: 'fail', state: 'fail', causes: [{ check: 'mysql', reason: 'timeout' }] };
    const server = await serve((seen, socket) => socket.write(pong(seen.id, 3, 0x06, JSON.stringify(report))));
    const client = await connected(server);
    expect(await client.ping({ detail: true })).toMatchObject({ status: 'fail', stale: true, truncated: true, report });
  });

  it('ignores unknown flags in a PONG', async () => {
    const server = await serve((seen, socket) => socket.write(pong(seen.id, 1, 0xf0)));
    const client = await connected(server);
    expect(await client.ping()).toMatchObject({ status: 'pass', stale: false, truncated: false });
  });

  it('measures its round trip on the monotonic clock', async () => {
    const clock = new FakeClock();
    const server = await serve();
    const client = await connected(server, { clock });
    const answer = client.ping();
    const { id } = await server.frame();
    clock.wallOffset -= 3_600_000;
    await clock.advance(25);
    (await server.connection()).write(pong(id));
    expect((await answer).rtt).toBe(25);
    expect(clock.timers).toBe(0);
  });

  it('receives its PONG, in any order and in any pieces', async () => {
    const server = await serve();
    const client = await connected(server);
    const answers = Array.from({ length: 200 }, () => client.ping());
    await server.frame(200);
    // Each PING is answered with a different status, in reverse order, in pieces of 1 to 40 bytes.
    const octets = Buffer.concat(server.frames.map(({ id }) => pong(id, Number(id) % 7)).reverse());
    const socket = await server.connection();
    for (let at = 0, size = 1; at < octets.length; at += size, size = (size * 7) % 41) {
      socket.write(octets.subarray(at, at + size));
      await settle();
    }
    expect((await Promise.all(answers)).map(({ code }) => code)).toEqual(
      Array.from({ length: 200 }, (_, index) => (index + 1) % 7),
    );
    expect(client.stats).toMatchObject({ pings: 200, pongs: 200, latePongs: 0, bytesIn: 3200, bytesOut: 3200 });
  });

  it('reads a report that arrives byte by byte', async () => {
    const server = await serve();
    const client = await connected(server);
    const answer = client.ping({ detail: true });
    const { id } = await server.frame();
    const socket = await server.connection();
    for (const octet of pong(id, 2, 0, '{"state":"warn"}')) {
      socket.write(Buffer.of(octet));
      await settle();
    }
    expect(await answer).toMatchObject({ status: 'warn', report: { state: 'warn' } });
  });

  it('is sent in one write with all others of the same turn', async () => {
    const server = await serve();
    const client = await connected(server);
    const write = jest.spyOn(Socket.prototype, 'write');
    const answers = Array.from({ length: 300 }, () => client.ping());
    await server.frame(300);
    expect(write).toHaveBeenCalledTimes(1);
    expect((write.mock.calls[0]?.[0] as Buffer | undefined)?.length).toBe(300 * 16);
    (await server.connection()).write(Buffer.concat(server.frames.map(({ id }) => pong(id))));
    await Promise.all(answers);
  });

  it('is sent in one write with all others that follow from the same PONGs', async () => {
    const server = await serve();
    const client = await connected(server);
    const loops = Array.from({ length: 50 }, async (_, depth) => {
      await client.ping();
      for (let turn = 0; turn < depth % 5; turn++) await Promise.resolve();
      await client.ping();
    });
    await server.frame(50);
    const socket = await server.connection();
    socket.write(Buffer.concat(server.frames.map(({ id }) => pong(id))));
    const write = jest.spyOn(Socket.prototype, 'write');
    await server.frame(100);
    expect(write).toHaveBeenCalledTimes(1);
    socket.write(Buffer.concat(server.frames.slice(50).map(({ id }) => pong(id))));
    await Promise.all(loops);
  });

  it.each<[PingOptions, RegExp]>([
    [{ checks: ['a'], group: 'b' }, /^checks and group are both given; allowed: one of them$/],
    [{ checks: [] }, /^checks is an empty list; allowed: a list of 1 to 32 names of 1 to 64 characters /],
    [
      { checks: Array.from({ length: 33 }, (_, n) => `x${n}`) },
      /allowed: a list of 1 to 32 names of 1 to 64 characters /,
    ],
    [
      { checks: Array.from({ length: 32 }, (_, n) => `${n}${'x'.repeat(40)}`) },
      /^checks is too long: .* at most 1024$/,
    ],
    [{ checks: 'mysql' as unknown as string[] }, /^checks is "mysql"; allowed: a list/],
    [{ checks: [1 as unknown as string] }, /^checks is a list; allowed: a list of 1 to 32 names/],
    [{ group: 1 as unknown as string }, /^group is 1; allowed: a string of 1 to 1024 characters/],
    [{ group: 'g'.repeat(1024) }, /^group is too long: the request has 1036 bytes as JSON; allowed: at most 1024$/],
    [{ scope: 'health' as 'startup' }, /^scope is "health"; allowed: one of readiness, liveness, startup$/],
    [{ hops: 16 }, /^hops is 16; allowed: a whole number from 0 to 15$/],
    [{ own: true }, /^own is true; allowed: with one name in checks and the scope readiness, and without group, /],
    [{ own: true, group: 'a' }, /^own is true; /],
    [{ own: true, checks: ['a', 'b'] }, /^own is true; /],
    [{ own: true, checks: ['a'], maxAge: 0 }, /^own is true; /],
    [{ own: true, checks: ['a'], detail: true }, /^own is true; /],
    [{ own: true, checks: ['a'], scope: 'startup' }, /^own is true; /],
    [{ own: 1 as unknown as boolean }, /^own is 1; allowed: true or false /],
    [{ timeout: -1 }, /^timeout is -1; allowed: milliseconds, a whole number from 0 to 2147483647$/],
  ])('with invalid options is refused before it is sent: %j', async (options, message) => {
    const server = await serve(passing);
    const client = await connected(server);
    const error = await rejection(client.ping(options));
    expect(error.code).toBe('PONGCHECK_CONFIG');
    expect(error.message).toMatch(message);
    expect((await client.ping()).status).toBe('pass');
    expect(server.frames).toHaveLength(1);
  });
});

describe('a PING that gets no answer', () => {
  const { serve, connected } = setting();

  it.each<[string, PingOptions, number, string]>([
    ['the server’s default and half a second', {}, 2500, '2.5 s'],
    ['its own deadline and half a second', { timeout: 800 }, 1300, '1.3 s'],
    ['the time that it was given', { timeout: 800, responseTimeout: 50 }, 50, '0.05 s'],
  ])('is abandoned after %s', async (_, options, ms, shown) => {
    const clock = new FakeClock();
    const server = await serve();
    const client = await connected(server, { clock });
    const failed = rejection(client.ping(options));
    await server.frame();
    await clock.advance(ms - 1);
    await expect(Promise.race([failed, 'waiting'])).resolves.toBe('waiting');
    await clock.advance(1);
    const error = await failed;
    expect(error.code).toBe('PONGCHECK_TIMEOUT');
    expect(error.message).toBe(`${server.address} did not answer within ${shown}`);
  });

  it('leaves the connection open: the late PONG is counted, the next PING is answered', async () => {
    const clock = new FakeClock();
    const server = await serve();
    const client = await connected(server, { clock });
    const failed = rejection(client.ping());
    const { id } = await server.frame();
    await clock.advance(2500);
    await failed;
    const next = client.ping();
    const second = await server.frame(2);
    (await server.connection()).write(Buffer.concat([pong(id, 3), pong(second.id, 2)]));
    expect((await next).status).toBe('warn');
    expect(client.stats).toMatchObject({ pings: 2, pongs: 1, latePongs: 1 });
  });

  it('does not time out while its PONG is in the socket buffer, after a stall of this event loop', async () => {
    const server = await serve((seen, socket) => {
      socket.write(pong(seen.id));
      const late = performance.now() + 60;
      while (performance.now() < late);
    });
    const client = await connected(server);
    expect((await client.ping({ responseTimeout: 20 })).status).toBe('pass');
  });

  it('rejects when its signal aborts, with the reason of the signal', async () => {
    const server = await serve();
    const client = await connected(server);
    const giveUp = new AbortController();
    const failed = rejection(client.ping({ signal: giveUp.signal }));
    const { id } = await server.frame();
    const reason = new Error('enough');
    giveUp.abort(reason);
    expect(await failed).toBe(reason);
    const next = client.ping();
    const second = await server.frame(2);
    (await server.connection()).write(Buffer.concat([pong(id), pong(second.id)]));
    expect((await next).status).toBe('pass');
    expect(client.stats.latePongs).toBe(1);
  });

  it('is not sent if its signal has already aborted', async () => {
    const server = await serve(passing);
    const client = await connected(server);
    expect((await rejection(client.ping({ signal: AbortSignal.abort() }))).name).toBe('AbortError');
    await client.ping();
    expect(server.frames).toHaveLength(1);
  });

  it('may share its signal with a thousand others, without a leak or a warning about one', async () => {
    const server = await serve(passing);
    const client = await connected(server);
    const { signal } = new AbortController();
    const answers = Array.from({ length: 1000 }, () => client.ping({ signal }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1000);
    expect(getMaxListeners(signal)).toBe(Number.POSITIVE_INFINITY);
    await Promise.all(answers);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('counts toward maxInFlight: one more is refused, and accepted again after an answer', async () => {
    const server = await serve();
    const client = await connected(server, { maxInFlight: 3 });
    const answers: Promise<Pong>[] = [client.ping(), client.ping(), client.ping()];
    const error = await rejection(client.ping());
    expect(error.code).toBe('PONGCHECK_BUSY');
    expect(error.message).toBe(`${server.address} has 3 outstanding requests; allowed: at most 3`);
    await server.frame(3);
    (await server.connection()).write(pong(2n));
    await answers[1];
    answers.push(client.ping());
    await server.frame(4);
    (await server.connection()).write(Buffer.concat([pong(1n), pong(3n), pong(4n)]));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(['pass', 'pass', 'pass', 'pass']);
  });

  it('counts toward 1,024 by default', async () => {
    const server = await serve();
    const client = await connected(server);
    const answers = Array.from({ length: 1024 }, () => client.ping());
    expect((await rejection(client.ping())).code).toBe('PONGCHECK_BUSY');
    await server.frame(1024);
    (await server.connection()).write(Buffer.concat(server.frames.map(({ id }) => pong(id))));
    await Promise.all(answers);
  });

  it('is refused when the server has stopped reading and 1 MiB is unsent', async () => {
    const server = await serve();
    const client = await connected(server);
    (await server.connection()).pause();
    const group = 'g'.repeat(1000);
    let error: Error & Record<string, unknown>;
    do {
      const giveUp = new AbortController();
      const failed = Array.from({ length: 500 }, () => rejection(client.ping({ group, signal: giveUp.signal })));
      await settle();
      giveUp.abort();
      error = (await Promise.all(failed)).at(-1) as typeof error;
      // The kernels buffer some megabytes. A hundred megabytes would exceed all buffers.
    } while (error.name === 'AbortError' && client.stats.bytesOut < 100e6);
    expect(error.code).toBe('PONGCHECK_BUSY');
    expect(error.message).toMatch(/ does not read: \d+ bytes are unsent$/);
  });
});
