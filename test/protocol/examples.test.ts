import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createService } from '../../src/service/service.js';
import { Decoder, FRAME } from '../../src/wire/decoder.js';
import { readRoot } from '../readme/markdown.js';
import { Peer } from '../server/peer.js';

interface Line {
  who: 'C' | 'S';
  hex: string;
  openEnd: boolean;
}

/** Each example: the text before it, and its lines. */
const examples = [...readRoot('protocol/SPEC.md').matchAll(/([^\n]+)\n+```hex\n([^]*?)```/g)].map(
  ([, title, block]) => ({
    title: title as string,
    lines: (block as string)
      .trim()
      .split('\n')
      .map((line): Line => {
        const [who, ...words] = line.replace(/;.*/, '').trim().split(/\s+/);
        const openEnd = words.at(-1) === '...';
        return { who: who as Line['who'], hex: (openEnd ? words.slice(0, -1) : words).join(''), openEnd };
      }),
  }),
);

const service = createService({
  checks: { db: async () => {} },
  listen: [{ url: 'pong://127.0.0.1:0' }],
  http: false,
});

beforeAll(() => service.start());
afterAll(() => service.stop());

/** The output of the server, up to the length of the example, or up to its FIN if the example has one. */
async function hear(peer: Peer, { hex, openEnd }: Line): Promise<void> {
  if (hex === 'FIN') {
    expect((await peer.untilEnd()).toString('hex')).toBe('');
    expect(peer.ended).toBe(true);
    return;
  }
  const heard = await peer.hex(hex.length / 2);
  expect(heard).toMatch(new RegExp(`^${hex.replaceAll('x', '[0-9a-f]')}$`));
  if (!openEnd) return;
  const body = await peer.hex(Buffer.from(heard, 'hex').readUInt32BE(0) - 12);
  const decoder = new Decoder('client');
  decoder.push(Buffer.from(heard + body, 'hex'));
  expect(decoder.next()).toBe(FRAME);
  expect(decoder.body).toEqual(expect.any(Object));
}

describe('an example of the specification', () => {
  it('exists', () => {
    expect(examples.length).toBeGreaterThan(5);
  });

  it.each(examples)('matches the behaviour of the server: $title', async ({ lines }) => {
    const [port] = service.addresses.map((address) => Number(new URL(address).port));
    const peer = await Peer.connect(port as number);
    try {
      let said = '';
      for (const line of lines) {
        if (line.who === 'C') {
          said += line.hex;
          continue;
        }
        if (said) peer.sendHex(said);
        said = '';
        await hear(peer, line);
      }
    } finally {
      peer.socket.destroy();
    }
  });
});
