import { expect, it } from '@jest/globals';
import { pongcheck } from './command.js';

it('pongcheck conformance blocks the event loop of its own responder, which answers from another thread', async () => {
  const { code, stdout } = await pongcheck(['conformance', '--rule', 'M78', '--json']);
  const { rules, sessions } = JSON.parse(stdout);
  expect(rules).toMatchObject({ M26: 'ok', M77: 'ok', M78: 'ok' });
  expect([code, sessions.length]).toEqual([0, 3]);
}, 30_000);
