import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../fake-clock.js';
import { type Options, serve, turnsUntil } from './harness.js';
import { frame, type Peer, ping, pingWith } from './peer.js';
import { describeServed, type Line, type Served, type ServedOptions } from './scripted-service.js';

const id = '00000000deadbeef';

/** A server whose log is recorded and whose clock does not advance by itself. */
async function watched(options: Options = {}) {
  const clock = new FakeClock();
  const lines: Line[] = [];
  const keep = (level: string) => (fields: object, description: string) => lines.push({ level, description, fields });
  const log = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  const served = await serve({ clock, log, ...options });
  served.health.atOnce = 'pass';
  return { ...served, clock, lines };
}

type Watched = Awaited<ReturnType<typeof watched>>;

/** Advances the time in steps, after each of which the connections are checked. */
async function wait({ clock }: Watched, ms: number) {
  for (let passed = 0; passed < ms; passed += 50) await clock.advance(50);
}

async function sent({ connect, stats }: Pick<Served, 'connect' | 'stats'>, octets: Buffer | string): Promise<Peer> {
  const peer = await connect();
  const before = stats.bytesIn;
  peer.send(octets);
  await turnsUntil(() => stats.bytesIn > before);
  return peer;
}

const hex = (text: string) => Buffer.from(text, 'hex');

/** The time limit, how a peer exceeds it, and the level and text of its log line. */
const timeouts: readonly [string, Options, (server: Watched) => Promise<unknown>, string, string][] = [
  [
    'heartbeat.idleTimeout',
    { heartbeat: { idleTimeout: 1000 } },
    async (server) => {
      await sent(server, hex(ping(id)));
      await wait(server, 1200);
    },
    'info',
    'no data within the idle timeout',
  ],
  [
    'limits.frameTimeout',
    {},
    async (server) => {
      await sent(server, hex('0000'));
      await wait(server, 5300);
    },
    'warn',
    'frame or line not completed in time',
  ],
];

/** The limit, how a peer exceeds it, and the level and text of its log line. */
const limits: readonly [string, ServedOptions, (served: Served) => Promise<unknown>, string, string][] = [
  [
    'limits.maxPending',
    { limits: { maxPending: 2 } },
    async (server) => {
      await server.health.hold();
      await sent(server, hex(ping(id).repeat(3)));
    },
    'info',
    'reading paused: the pending PING limit is reached',
  ],
  [
    'limits.maxWatches',
    { limits: { maxWatches: 0 } },
    (server) => sent(server, hex(frame('03', id))),
    'warn',
    'WATCH is disabled on this server',
  ],
  [
    'limits.maxWatchedSelections',
    { limits: { maxWatchedSelections: 0 } },
    (server) => sent(server, hex(frame('03', id, { checks: ['db'] }))),
    'warn',
    'limit of 0 different watched selections reached',
  ],
  [
    'limits.pingsPerSecond',
    { limits: { pingsPerSecond: 2 } },
    (server) => sent(server, hex(ping(id).repeat(3))),
    'warn',
    'frames per second exceed the limit of this server',
  ],
  [
    'limits.pingsPerSecond in line mode',
    { limits: { pingsPerSecond: 2 } },
    (server) => sent(server, 'ping\n'.repeat(3)),
    'warn',
    'lines per second exceed the limit of this server',
  ],
  [
    'limits.maxConnections',
    { limits: { maxConnections: 1 } },
    async ({ connect, stats }) => {
      await connect();
      await connect();
      await turnsUntil(() => stats.refused['max-connections'] === 1);
    },
    'warn',
    'connection closed on accept: max-connections',
  ],
  [
    'limits.maxConnectionsPerAddress',
    { limits: { maxConnectionsPerAddress: 1 } },
    async ({ connect, stats }) => {
      await connect();
      await connect();
      await turnsUntil(() => stats.refused['max-connections-per-address'] === 1);
    },
    'warn',
    'connection closed on accept: max-connections-per-address',
  ],
  [
    'the largest length',
    {},
    (server) => sent(server, hex('00ffffff')),
    'warn',
    'The length is 16777215; 12 to 65548 are allowed.',
  ],
  ['the longest line', {}, (server) => sent(server, 'p'.repeat(66)), 'warn', 'line longer than 64 bytes'],
  ['the words of line mode', {}, (server) => sent(server, 'GET / HTTP/1.1\r\n'), 'warn', 'unknown line'],
  [
    'the first octet',
    {},
    (server) => sent(server, '\x01'),
    'warn',
    'unknown protocol: the first byte starts neither a frame nor a line',
  ],
];

describeServed('the log', (serve) => {
  it.each(limits)('names the peer that exceeds %s', async (_, options, breakIt, level, description) => {
    const served = await serve(options);
    await breakIt(served);
    expect(await served.logged()).toMatchObject([
      { level, description, fields: { peer: '127.0.0.1', listener: served.url } },
    ]);
  });
});

describe('the log', () => {
  it.each(timeouts)('names the peer that exceeds %s', async (_, options, breakIt, level, description) => {
    const server = await watched(options);
    await breakIt(server);
    expect(server.lines).toMatchObject([
      { level, description, fields: { peer: '127.0.0.1', listener: `pong://127.0.0.1:${server.port}` } },
    ]);
  });

  it('has a line when reading of a peer that does not read is paused, and when it is closed', async () => {
    const server = await watched({ limits: { pingsPerSecond: 0 } });
    server.health.report = { filler: 'x'.repeat(8000) };
    const { connect, stats, lines } = server;
    const peer = await connect();
    peer.socket.pause();
    const flood = hex(pingWith(id, {}, { flags: '01' }).repeat(2000));
    const push = () => {
      while (stats.open > 0 && peer.socket.write(flood));
    };
    peer.socket.on('drain', push);
    push();
    await turnsUntil(() => stats.paused['max-queued-bytes'] > 0);
    await wait(server, 10_300);
    await turnsUntil(() => stats.open === 0);
    const descriptions = lines.map(({ level, description }) => `${level}: ${description}`);
    expect(descriptions.at(0)).toBe('info: reading paused: the peer sends requests faster than it reads the answers');
    expect(descriptions.at(-1)).toBe('warn: answers not read in time');
  });

  it('has one line per kind in 10 s, with any numbers in the frames, then the number of suppressed lines', async () => {
    const server = await watched();
    const { lines, stats } = server;
    for (let length = 0; length < 11; length++) await sent(server, hex(length.toString(16).padStart(8, '0')));
    await turnsUntil(() => stats.errors[1] === 11);
    expect(lines).toHaveLength(1);
    await wait(server, 10_000);
    await sent(server, hex('0000000b'));
    expect(lines[1]).toMatchObject({ fields: { suppressed: 10 } });
  });

  it('contains no text from a peer', async () => {
    const server = await watched();
    const evil = '\u001b[2J\nadmin logged in\u202e';
    const bodies = [
      { checks: evil },
      { group: [evil] },
      { [evil]: 1, checks: [] },
      { timeoutMs: evil },
      { group: 'a', checks: [evil] },
    ];
    for (const body of bodies) {
      await sent(server, hex(pingWith(id, body)));
      await sent(server, hex(frame('05', id, { name: body })));
      await wait(server, 10_000);
    }
    await sent(server, `${evil}\n`);
    await sent(server, `ping${evil}\n`);
    await sent(server, hex(pingWith(id, `{"${evil}`)));
    expect(server.lines.length).toBeGreaterThanOrEqual(7);
    for (const { description } of server.lines) expect(description).toMatch(/^[\x20-\x7e’]{1,200}$/);
    expect(JSON.stringify(server.lines)).not.toContain('admin');
  });
});
