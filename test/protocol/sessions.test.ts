import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { readDialogues } from '../../src/cli/conformance/client/vector.js';
import { type Outcome, play, type Subject } from '../../src/cli/conformance/play.js';
import { startResponder } from '../../src/cli/conformance/responder.js';
import { scoreCloses, scoreRules } from '../../src/cli/conformance/score.js';
import { readSessions, type Session } from '../../src/cli/conformance/session.js';
import { frame } from '../client/scripted-server.js';
import { readRoot } from '../readme/markdown.js';
import { threadCounts } from '../threads/thread-counts.js';
import { startBlockable } from './blocked-loop.js';

const sessions = readSessions();
/** Timeout of a step, in milliseconds. Long, because the responder shares its process with the clients. */
const ON_A_BUSY_MACHINE = 20_000;
/** A session mostly waits. */
const CONCURRENT_SESSIONS = 5;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe('the session vectors', () => {
  it('have unique names', () => {
    expect(new Set(sessions.map(({ name }) => name)).size).toBe(sessions.length);
  });

  it('cover, with the dialogues for a client, every M rule', () => {
    const rules = [...readRoot('protocol/SPEC.md').matchAll(/^\*\*(M\d+)\*\*/gm)].map(([, rule]) => rule as string);
    expect(rules.length).toBeGreaterThan(70);
    const shown = new Set([...sessions, ...readDialogues()].flatMap(({ rules: own }) => own));
    expect(rules.filter((rule) => !shown.has(rule))).toEqual([]);
    expect([...shown].filter((rule) => !rules.includes(rule))).toEqual([]);
  });

  it('expect exactly 1 for liveness where no step blocks the event loop', () => {
    expect(sessions.filter(({ steps }) => JSON.stringify(steps).includes('"code":[1,3]'))).toEqual([]);
  });

  it('require only settings and check behaviors that the README describes', () => {
    const settings = sessions.flatMap(({ responder = {}, steps }) => [
      responder,
      ...steps.flatMap((step) => ('operator' in step && step.operator === 'reload' ? [step.responder] : [])),
    ]);
    const keys = settings.flatMap(({ checks = {}, groups: _, ...others }: Record<string, any>) => [
      ...Object.values(checks as Record<string, string>).map((word) => /^[a-z]+/.exec(word)?.[0]),
      ...Object.entries(others).flatMap(([key, value]) =>
        typeof value === 'object' && !Array.isArray(value)
          ? Object.keys(value).map((inner) => `${key}.${inner}`)
          : [key],
      ),
    ]);
    const readme = readRoot('protocol/vectors/README.md');
    expect([...new Set(keys)].filter((key) => !readme.includes(`| \`${key}\` `))).toEqual([]);
  });

  it.each(threadCounts)(
    'pass against this package’s responder, with threads: %i, each with suitable settings',
    async (threads) => {
      const left = [...sessions];
      const outcomes: Outcome[] = [];
      const work = async () => {
        for (let session = left.pop(); session; session = left.pop()) {
          const { responder: wanted = {} } = session;
          // The responder uses the event loop of this process, which no session can block and which a busy machine may
          // delay.
          const responder = await (wanted.threads
            ? startBlockable(wanted)
            : startResponder({ ...wanted, threads, loop: { readinessStall: 0, livenessStall: 0 } }));
          outcomes.push(await play(session, responder, ON_A_BUSY_MACHINE, ON_A_BUSY_MACHINE));
          await responder.stop();
        }
      };
      await Promise.all(Array.from({ length: CONCURRENT_SESSIONS }, work));
      expect(outcomes.filter(({ verdict }) => verdict !== 'ok').map(({ session, why }) => [session.name, why])).toEqual(
        [],
      );
      expect(scoreCloses(outcomes)).toMatchObject({ rst: 0, none: 0 });
      expect(new Set(scoreRules(outcomes).map(({ verdict }) => verdict))).toEqual(new Set(['ok']));
    },
    180_000,
  );
});

/** This package's responder behind a proxy that breaks a rule. */
async function spoilt(spoil: (client: Socket, server: Socket) => void, wanted = {}): Promise<Subject> {
  const responder = await startResponder(wanted);
  closing.push(() => responder.stop());
  const sockets = new Set<Socket>();
  const proxy = createServer({ allowHalfOpen: true }, (client) => {
    const server = connectSocket({ host: responder.host, port: responder.port, allowHalfOpen: true });
    for (const socket of [client, server]) sockets.add(socket.on('error', () => {}));
    client.on('data', (octets) => server.write(octets));
    client.on('end', () => server.end());
    server.on('data', (octets) => client.write(octets));
    server.on('end', () => client.end());
    spoil(client, server);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return { host: '127.0.0.1', port: (proxy.address() as AddressInfo).port };
}

/** The results for a rule, from the sessions for any responder. */
async function verdictsOn(rule: string, subject: Subject): Promise<Outcome[]> {
  const own = sessions.filter(({ rules, responder }: Session) => rules.includes(rule) && responder === undefined);
  expect(own.length).toBeGreaterThan(0);
  return Promise.all(own.map((session) => play(session, subject)));
}

/** This package's responder, whose PONGs have this status instead of pass. */
const saying = (status: number) =>
  spoilt((client, server) => {
    server.removeAllListeners('data');
    server.on('data', (octets) => {
      if (octets[5] === 2 && octets[7] === 1) octets[7] = status;
      client.write(octets);
    });
  });

describe('a responder that answers a PING for liveness', () => {
  it.each([
    [1, 'ok'],
    [3, 'failed'],
    [2, 'failed'],
    [0, 'failed'],
  ])('with %d is %s, alone and as a barrier', async (status, verdict) => {
    const subject = await saying(status);
    for (const rule of ['M18', 'M25'])
      expect((await verdictsOn(rule, subject)).map((outcome) => outcome.verdict)).toContain(verdict);
  });
});

/** Rewrites each frame from the server. The client's first byte must select binary mode. */
const rewriting = (rewrite: (frame: Buffer) => Buffer) =>
  spoilt((client, server) => {
    server.removeAllListeners('data');
    let octets = Buffer.alloc(0);
    server.on('data', (chunk: Buffer) => {
      if (chunk[0] !== 0 && octets.length === 0) return void client.write(chunk);
      octets = Buffer.concat([octets, chunk]);
      while (octets.length >= 4 && octets.length >= octets.readUInt32BE(0) + 4) {
        const end = octets.readUInt32BE(0) + 4;
        client.write(rewrite(octets.subarray(0, end)));
        octets = octets.subarray(end);
      }
    });
  });

it('a responder may send frames of unknown types from 80 on between its answers', async () => {
  const unknown = [frame(0x90, 0, 7, 5n), frame(0xff, 0x0f, 0, 0n, '{"any":"body"}')];
  const subject = await rewriting((own) => Buffer.concat([...unknown, own, ...unknown]));
  // The relay does not pass on a reset of the responder.
  const own = sessions.filter(
    ({ responder, steps }) => responder === undefined && !steps.some((step) => 'expectReset' in step),
  );
  const outcomes = await Promise.all(
    own.map((session) => play(session, subject, ON_A_BUSY_MACHINE, ON_A_BUSY_MACHINE)),
  );
  expect(outcomes.filter(({ verdict }) => verdict !== 'ok').map(({ session, why }) => [session.name, why])).toEqual([]);
}, 120_000);

describe('conformance with a responder that violates a rule', () => {
  it('detects wrong ids', async () => {
    const subject = await spoilt((client, server) => {
      server.removeAllListeners('data');
      server.on('data', (octets) => client.write(Buffer.from(octets).fill(0, 8, 16)));
    });
    const outcomes = await verdictsOn('M2', subject);
    expect(outcomes.map(({ verdict }) => verdict)).toContain('failed');
    expect(outcomes.map(({ why }) => why).join()).toContain('the id is 0000000000000000, expected');
  });

  it('detects data before a request', async () => {
    const subject = await spoilt((client) => client.write('hello\n'));
    expect((await verdictsOn('M11', subject))[0]).toMatchObject({
      verdict: 'failed',
      why: expect.stringContaining('expected silence, but received'),
    });
  });

  it('detects a connection that stays open, and distinguishes it', async () => {
    const subject = await spoilt((_client, server) => server.removeAllListeners('end'));
    const [outcome] = await verdictsOn('M35', subject);
    expect(outcome).toMatchObject({
      verdict: 'failed',
      close: 'none',
      why: 'expected a close, but the connection stays open',
    });
  });

  it('reports a reset instead of FIN as not strict', async () => {
    const subject = await spoilt((client, server) => {
      server.removeAllListeners('end');
      // Called after all output, so that only the end differs.
      server.on('end', () => client.write('', () => client.resetAndDestroy()));
    });
    const outcomes = await verdictsOn('M35', subject);
    expect(outcomes[0]).toMatchObject({ verdict: 'not strict', close: 'rst' });
  });

  it('detects an answer to an ignored frame at the barrier', async () => {
    const subject = await spoilt((client) => {
      client.on('data', (octets) => {
        if ((octets as Buffer)[5] === 2) client.write(frame(2, 0, 1, 0n));
      });
    });
    expect((await verdictsOn('M25', subject))[0]?.verdict).toBe('failed');
  });

  it('reports WATCH as not implemented if it is refused', async () => {
    const subject = await spoilt(() => {}, { limits: { maxWatches: 0 } });
    expect((await verdictsOn('M26', subject))[0]?.verdict).toBe('not implemented');
  });

  it('detects a frame of a skippable type before the client has sent a byte', async () => {
    const subject = await spoilt((client) => client.write(frame(0x90, 0, 0, 0n)));
    expect((await verdictsOn('M11', subject))[0]?.verdict).toBe('failed');
  });

  it('detects ERROR 7 to a WATCH of something that does not exist, if other WATCHes are answered', async () => {
    const subject = await rewriting((own) =>
      own[5] === 4 && own[7] === 6 ? frame(0x7f, 0, 7, own.readBigUInt64BE(8)) : own,
    );
    const outcomes = await verdictsOn('M31', subject);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['failed', 'ok']);
    expect(outcomes[0]?.why).toBe('WATCH is refused with ERROR 7, although a WATCH without a body is answered');
  });

  it('ends in bounded time if it never answers', async () => {
    const subject = await spoilt((_client, server) => server.removeAllListeners('data'));
    expect(new Set((await verdictsOn('M15', subject)).map(({ verdict }) => verdict))).toEqual(new Set(['failed']));
  });
});
