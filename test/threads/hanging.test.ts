import { fileURLToPath } from 'node:url';
import { expect, it, jest } from '@jest/globals';
import { silentLog } from '../../src/common/log.js';
import { defaultServerSettings } from '../../src/server/settings.js';
import { registryOf } from '../health/asking.js';

jest.unstable_mockModule('../../src/threads/thread-file.js', () => ({
  threadFile: () => fileURLToPath(new URL('./hanging.mjs', import.meta.url)),
}));
const { ThreadedServer } = await import('../../src/threads/threaded-server.js');

it('a PING thread that hangs while it starts fails the start in time, and is ended', async () => {
  const { registry, clock } = registryOf({});
  const loop = { readinessStall: 0, livenessStall: 0 };
  const parts = { threads: 1, health: registry, settings: defaultServerSettings, loop, clock, log: silentLog };
  const server = new ThreadedServer({ ...parts, onStall: () => {} });
  const listening = server.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  let hasFailed = false;
  const failed = listening.catch((error: Error) => {
    hasFailed = true;
    return error;
  });
  await clock.advance(29_000);
  expect(hasFailed).toBe(false);
  await clock.advance(1000);
  expect(await failed).toMatchObject({
    code: 'PONGCHECK_THREAD',
    message: 'PING thread 0 did not answer within 30000 ms',
  });
  await server.close();
});
