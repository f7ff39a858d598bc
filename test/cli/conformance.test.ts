import { afterEach, describe, expect, it } from '@jest/globals';
import { threadCounts } from '../threads/thread-counts.js';
import { Command, pongcheck } from './command.js';

const ANY = { PONGCHECK_LISTEN: 'pong://127.0.0.1:0', PONGCHECK_HTTP: '127.0.0.1:0' };

let command: Command | undefined;
afterEach(async () => {
  await command?.kill('SIGKILL');
  command = undefined;
});

describe('pongcheck conformance', () => {
  it.each(threadCounts)('finds no violated rule in pongcheck serve --threads %i', async (threads) => {
    command = new Command(['serve', '--threads', `${threads}`], { env: ANY });
    const [, address] = await command.says(/listening on pong:\/\/([^"]+)"/);
    const { code, stdout } = await pongcheck(['conformance', '--json', '--slack', '20s', address as string]);
    const { rules, closes } = JSON.parse(stdout) as { rules: Record<string, string>; closes: object };
    expect(code).toBe(0);
    expect(new Set(Object.values(rules))).toEqual(new Set(['ok', 'not tried']));
    expect(Object.values(rules).filter((verdict) => verdict === 'ok').length).toBeGreaterThan(30);
    expect(closes).toMatchObject({ rst: 0, none: 0 });
  });
});

it('pongcheck conformance blocks the event loop of its own responder, which answers from another thread', async () => {
  const { code, stdout } = await pongcheck(['conformance', '--rule', 'M78', '--json', '--slack', '20s']);
  const { rules, sessions } = JSON.parse(stdout);
  expect(rules).toMatchObject({ M26: 'ok', M77: 'ok', M78: 'ok' });
  expect([code, sessions.length]).toEqual([0, 3]);
});
