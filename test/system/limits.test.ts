import { afterEach, describe, expect, it } from '@jest/globals';
import { Peer, ping } from '../server/peer.js';
import { now } from './program.js';
import { Trial } from './trial.js';

const trial = new Trial();
const opened: Peer[] = [];
afterEach(async () => {
  for (const peer of opened.splice(0)) peer.socket.destroy();
  await trial.close();
});

async function peerOf(port: number | undefined): Promise<Peer> {
  const peer = await Peer.connect(port as number);
  opened.push(peer);
  return peer;
}

describe('a peer that is active but not useful', () => {
  it('is closed when its frame is not complete in time, even if a byte arrives each second', async () => {
    const frameTimeout = 5000;
    const server = await trial.server({ heartbeat: { idleTimeout: 4000 }, limits: { frameTimeout } });
    const peer = await peerOf(server.ports[0]);
    const octets = Buffer.from(ping('a1a2a3a4a5a6a7a8'), 'hex');
    const begun = now();
    let sent = 0;
    const next = () => sent < octets.length && peer.socket.write(octets.subarray(sent, ++sent));
    next();
    const drip = setInterval(next, 1000);
    const words = await peer.untilEnd();
    clearInterval(drip);
    expect(now() - begun).toBeGreaterThanOrEqual(frameTimeout);
    // ERROR 1 with FATAL, and an id of zeros, because the header of the frame was never complete.
    expect(words.toString('hex', 4, 16)).toBe('017f01010000000000000000');
    expect(sent).toBeGreaterThanOrEqual(5);
    expect((await server.program.says('close')).reason).toBe('protocol-error');
  });

  it('is closed when it stops reading, after the stall time, and the server keeps little for it', async () => {
    const stallTimeout = 3000;
    const limits = { stallTimeout, pingsPerSecond: 0, maxQueuedBytes: 262_144 };
    const server = await trial.server({ bulk: 60, heartbeat: { idleTimeout: 60_000 }, limits });
    const reader = await peerOf(server.ports[0]);
    const greedy = await peerOf(server.ports[0]);
    const { localPort } = greedy.socket;
    greedy.socket.pause();
    const detail = Buffer.from(ping('a1a2a3a4a5a6a7a8', { flags: '01' }).repeat(1000), 'hex');
    const begun = now();
    const flood = setInterval(() => greedy.socket.writableLength < 1_000_000 && greedy.socket.write(detail), 1);
    const { reason, at, remotePort } = await server.program.says('close');
    clearInterval(flood);
    expect([remotePort, reason]).toEqual([localPort, 'slow-peer']);
    expect(at - begun).toBeGreaterThanOrEqual(stallTimeout);
    reader.sendHex(ping('b1b2b3b4b5b6b7b8'));
    expect((await reader.hex(16)).slice(8, 16)).toBe('01020001');
  });
});
