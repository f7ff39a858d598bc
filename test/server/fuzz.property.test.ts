import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrameType } from '../../src/wire/codes.js';
import { FakeClock } from '../fake-clock.js';
import { clientHello, fromClient, octetsLike } from '../wire/streams.js';
import { cut, octetByOctet } from '../wire/vectors.js';
import { serve, turnsUntil } from './harness.js';
import { ping, pong } from './peer.js';

/** The same inputs in each run, so that a failure can be reproduced. */
const seed = 7464;
const id = '00000000deadbeef';

/**
 * The frames that a server sent in hexadecimal, or its output in line mode. STATUS frames are omitted, because their
 * number depends on timing.
 */
function framesOf(octets: Buffer): string[] {
  if (octets[0] !== 0) return [octets.toString('latin1')];
  const frames: string[] = [];
  for (let at = 0; at < octets.length; ) {
    const end = at + 4 + octets.readUInt32BE(at);
    if (octets[at + 5] !== FrameType.STATUS) frames.push(octets.toString('hex', at, end));
    at = end;
  }
  return frames;
}

it('a running server gives the same answers to any bytes in any chunks, ends each connection, and serves the others', async () => {
  const { connect, health, server, stats } = await serve({ clock: new FakeClock() });
  health.atOnce = 'pass';
  const beside = await connect();

  /** Sends the chunks, each in its own read, then FIN. Returns what was received and why the connection ended. */
  const outcome = async (chunks: readonly Buffer[]) => {
    const peer = await connect();
    const reasons = { ...stats.closed };
    for (const chunk of chunks) {
      const expected = stats.bytesIn + chunk.length;
      peer.send(chunk);
      await turnsUntil(() => stats.bytesIn >= expected);
    }
    peer.socket.end();
    const frames = framesOf(await peer.untilEnd());
    await turnsUntil(() => stats.open === 1);
    const reason = Object.entries(stats.closed).find(
      ([why, count]) => count > (reasons as Record<string, number>)[why]!,
    );
    return { frames, reason: reason?.[0] };
  };

  const places = fc.array(fc.nat(), { maxLength: 12 });
  const property = fc.asyncProperty(octetsLike(fromClient, clientHello), places, async (stream, anywhere) => {
    const whole = await outcome([stream]);
    const sorted = anywhere.map((place) => place % (stream.length + 1)).sort((a, b) => a - b);
    const chunks = cut(stream, sorted).filter(({ length }) => length > 0);
    expect(await outcome(chunks)).toEqual(whole);
    if (stream.length <= 400) expect(await outcome(octetByOctet(stream))).toEqual(whole);
    expect(whole.reason).not.toBe('internal');
    beside.sendHex(ping(id));
    expect(await beside.hex(16)).toBe(pong(id, '01'));
  });
  await fc.assert(property, { seed, numRuns: 150 });
  expect(server.connections.size).toBe(1);
  expect([stats.open, stats.waiting, health.watchers.size]).toEqual([1, 0, 0]);
  expect(stats.closed['protocol-error']).toBeGreaterThan(50);
  expect(stats.closed['client-closed']).toBeGreaterThan(50);
}, 60_000);
