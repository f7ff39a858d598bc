import { expect, it } from '@jest/globals';
import { octetsOf, vectors } from '../wire/vectors.js';
import { turnsUntil } from './harness.js';
import { ping, pong } from './peer.js';
import { describeServed } from './scripted-service.js';

const id = '00000000deadbeef';

/** Vectors for a server in binary mode. A first byte other than 00 selects another mode. */
const malformed = vectors('malformed').filter(
  (vector) => vector.receivers.includes('server') && octetsOf(vector)[0] === 0,
);

describeServed('a malformed stream', (serve) => {
  it('is answered as its vector specifies, then closed, without an effect on another connection', async () => {
    const { connect, stats } = await serve();
    const beside = await connect();
    for (const vector of malformed) {
      const peer = await connect();
      peer.send(octetsOf(vector));
      const frames: string[] = [];
      for (;;) {
        const frame = await peer.frame();
        if (frame.type === '') break;
        frames.push(`${frame.type} ${frame.code} ${frame.id}`);
        if (frame.type === '7f' && frame.flags === '01') break;
      }
      const { code, id: carried } = vector.error as { code: number; id: string };
      expect([vector.name, frames.at(-1)]).toEqual([
        vector.name,
        `7f ${code.toString(16).padStart(2, '0')} ${carried}`,
      ]);
      const pings = vector.frames.filter(({ type }) => type === 1).length;
      expect(frames.filter((frame) => frame.startsWith('02'))).toHaveLength(pings);
      await peer.untilEnd();
      peer.socket.destroy();
      beside.sendHex(ping(id));
      expect(await beside.hex(16)).toBe(pong(id, '01'));
    }
    await turnsUntil(() => stats.closed['protocol-error'] === malformed.length);
    expect(malformed.length).toBeGreaterThan(100);
  });

  it('is answered in the same way byte by byte', async () => {
    const { connect } = await serve();
    for (const vector of malformed) {
      const octets = octetsOf(vector);
      if (octets.length > 80) continue;
      const peer = await connect();
      for (const octet of octets) {
        peer.send(Buffer.of(octet));
        await new Promise((resolve) => setImmediate(resolve));
      }
      const all = await peer.untilEnd();
      const { code, id: carried } = vector.error as { code: number; id: string };
      const fatal = `017f01${code.toString(16).padStart(2, '0')}${carried}`;
      expect([vector.name, all.toString('hex').includes(fatal)]).toEqual([vector.name, true]);
      peer.socket.destroy();
    }
  });
});
