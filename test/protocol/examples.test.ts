import { describe, expect, it } from '@jest/globals';
import { startResponder } from '../../src/cli/conformance/responder.js';
import type { Wanted } from '../../src/cli/conformance/session.js';
import { Decoder, FRAME } from '../../src/wire/decoder.js';
import { readRoot } from '../readme/markdown.js';
import { Peer } from '../server/peer.js';

interface Line {
  /** The client, the server, or an event on the server. */
  who: 'C' | 'S' | '-';
  text: string;
  openEnd: boolean;
}

/** The examples, each with the preceding text, the settings of its responder, and its lines. */
const examples = [
  ...readRoot('protocol/SPEC.md').matchAll(/([^\n]+)\n+(?:<!-- responder: (.*) -->\n)?```hex\n([^]*?)```/g),
].map(([, title, settings, block]) => ({
  title: title as string,
  settings: { checks: { db: 'pass' }, ...JSON.parse(settings ?? '{}') } as Wanted,
  lines: (block as string)
    .trim()
    .split('\n')
    .map((line): Line => {
      const [who, ...words] = line.replace(/;.*/, '').trim().split(/\s+/);
      const openEnd = words.at(-1) === '...';
      return { who: who as Line['who'], text: (openEnd ? words.slice(0, -1) : words).join(''), openEnd };
    }),
}));

/** Reads the output of the server, up to the length of the example, or to its FIN if the example contains one. */
async function hear(peer: Peer, { text, openEnd }: Line): Promise<void> {
  if (text === 'FIN') {
    expect((await peer.untilEnd()).toString('hex')).toBe('');
    expect(peer.ended).toBe(true);
    return;
  }
  const heard = await peer.hex(text.length / 2);
  expect(heard).toMatch(new RegExp(`^${text.replaceAll('x', '[0-9a-f]')}$`));
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

  it.each(examples)('matches the behavior of the server: $title', async ({ settings, lines }) => {
    const responder = await startResponder(settings);
    const peer = await Peer.connect(responder.port);
    try {
      let said = '';
      for (const line of lines) {
        if (line.who === 'C' && line.text !== 'FIN') {
          said += line.text;
          continue;
        }
        if (said) peer.sendHex(said);
        said = '';
        if (line.who === 'C') peer.socket.end();
        else if (line.who === '-') responder.operate?.({ operator: line.text as 'drain' });
        else await hear(peer, line);
      }
    } finally {
      peer.socket.destroy();
      await responder.stop();
    }
  });
});
