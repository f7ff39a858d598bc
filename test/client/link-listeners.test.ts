import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { type Link, openLink } from '../../src/client.js';
import { compiledPackage } from '../cli/compiled.js';
import { FakeClock } from '../fake-clock.js';
import { open, pass, responder, scripted, state, turns } from './linked.js';
import { frame } from './scripted-server.js';

describe('a link that is closed by a listener', () => {
  it('keeps no connection if it was about to switch to another address', async () => {
    const clock = new FakeClock();
    const [first, second] = [await scripted(responder(() => true)), await scripted(responder(() => true))];
    const { link, changes } = open([first.address, second.address], { clock });
    while (changes.at(-1)?.state !== 'up') await pass(clock, 50);
    link.on('state', ({ state: now }) => {
      if (now === 'connecting') void link.close();
    });
    first.sockets[0]?.write(frame(6, 0, 1, 0n));
    while (changes.at(-1)?.state !== 'closed') await pass(clock, 50);
    await pass(clock, 2000);
    expect(link.client).toBeUndefined();
    expect(clock.timers).toBe(0);
  });

  it('starts no heartbeat if the listener was that of the warning', async () => {
    const clock = new FakeClock();
    const server = await scripted(responder(() => true, '{"idleTimeoutMs":220}'));
    const { link } = open(server.address, { clock });
    link.on('warning', () => void link.close());
    while (link.state !== 'closed') await pass(clock, 50);
    server.sockets[0]?.end();
    // The heartbeat of a closed connection would end only after its limit, which is at least 300 ms.
    await pass(clock, 50);
    expect(clock.timers).toBe(0);
  });
});

describe('a watch on a link', () => {
  it('ends with its signal while there is no connection', async () => {
    const clock = new FakeClock();
    const server = await scripted();
    const { address } = server;
    const { link } = open(address, { clock });
    const abort = new AbortController();
    const next = link.watch({ signal: abort.signal }).next();
    await turns();
    abort.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(link.listenerCount('state')).toBe(1);
  });

  it('leaves no listener on its signal for earlier connections', async () => {
    const clock = new FakeClock();
    const server = await scripted(responder(() => true));
    const { link } = open(server.address, { clock });
    const { signal } = new AbortController();
    const watch = link.watch({ signal }).next();
    for (let count = 1; count <= 3; count++) {
      while (server.sockets.length < count || link.state !== 'up') await pass(clock, 50);
      expect(getEventListeners(signal, 'abort')).toHaveLength(1);
      server.sockets[count - 1]?.destroy();
      while (link.state === 'up') await pass(clock, 50);
    }
    await link.close();
    await watch;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('causes no warning about a leak, with any number of watches and iterations of changes', async () => {
    const script = `
      const { openLink } = await import(${JSON.stringify(pathToFileURL(`${compiledPackage()}/dist/client.js`).href)});
      const link = openLink('127.0.0.1:1');
      const pending = Array.from({ length: 12 }, () => [link.watch().next(), link.changes().next()]).flat();
      await new Promise((resolve) => setImmediate(resolve));
      await link.close();
      await Promise.all(pending);`;
    expect(await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])).toEqual({
      stdout: '',
      stderr: '',
    });
  });

  it('refuses invalid options without a connection', async () => {
    const server = await scripted();
    const { link } = open(server.address);
    await expect(link.watch({ signal: 5 as unknown as AbortSignal }).next()).rejects.toMatchObject({
      code: 'PONGCHECK_CONFIG',
    });
  });
});

describe('the addresses of a link', () => {
  it.each([
    null,
    undefined,
    {},
    '127.0.0.1:0',
    new URL('pong://127.0.0.1:1'),
    { kind: 'tcp', host: '127.0.0.1' },
    { kind: 'tls', host: '127.0.0.1', port: 70_000 },
    { kind: 'unix', path: 'relative.sock' },
  ])('are refused immediately: %j', (address) => {
    const openWith = (given: unknown): Link => openLink(given as string);
    expect(() => openWith(address)).toThrow(expect.objectContaining({ code: 'PONGCHECK_ADDRESS' }));
    expect(() => openWith(['127.0.0.1', address])).toThrow(expect.objectContaining({ code: 'PONGCHECK_ADDRESS' }));
  });

  it('may be given as objects', async () => {
    const server = await scripted(responder(() => true));
    const { link } = open([{ kind: 'tcp', host: '127.0.0.1', port: server.port }] as never);
    await state(link, ({ state: now }) => now === 'up');
  });
});
