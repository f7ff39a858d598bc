import { describe, expect, it } from '@jest/globals';
import type { Client } from '../../src/client/client.js';
import { type ConnectionHooks, Hooks } from '../../src/client/link/hooks.js';
import { FakeClock, settle } from '../fake-clock.js';

const client = (name: string) => ({ name }) as unknown as Client;

function hooksOf(given: ConnectionHooks) {
  const clock = new FakeClock();
  const warnings: string[] = [];
  return { clock, warnings, hooks: new Hooks(given, clock, (description) => warnings.push(description)) };
}

describe('hooks', () => {
  it('are called one after the other', async () => {
    const calls: string[] = [];
    let clean = () => {};
    const { hooks } = hooksOf({
      onUp: () => calls.push('up'),
      onDown: () => {
        calls.push('down');
        return new Promise<void>((resolve) => (clean = resolve));
      },
    });
    hooks.up(client('a'));
    await settle();
    hooks.down('lost', client('a'));
    hooks.up(client('b'));
    await settle();
    expect(calls).toEqual(['up', 'down']);
    clean();
    await hooks.done();
    expect(calls).toEqual(['up', 'down', 'up']);
  });

  it('are not called for a connection that came and went during another call', async () => {
    const calls: string[] = [];
    let clean = () => {};
    const { hooks } = hooksOf({
      onUp: () => calls.push('up'),
      onDown: () => new Promise<void>((resolve) => (clean = resolve)),
    });
    hooks.up(client('a'));
    await settle();
    hooks.down('lost', client('a'));
    await settle();
    for (const name of ['b', 'c', 'd']) {
      hooks.up(client(name));
      hooks.down('lost', client(name));
    }
    clean();
    await hooks.done();
    expect(calls).toEqual(['up']);
  });

  it('that throw or reject cause a warning', async () => {
    const { hooks, warnings } = hooksOf({
      onUp: () => {
        throw new Error('no topic');
      },
      onDown: async () => {
        throw new Error('no way back');
      },
    });
    hooks.up(client('a'));
    await settle();
    hooks.down('lost', client('a'));
    await hooks.done();
    expect(warnings).toEqual(['onUp failed: no topic', 'onDown failed: no way back']);
  });

  it.each([
    ['an object without a prototype', Object.create(null)],
    ['a symbol', Symbol('no topic')],
    ['a revoked Proxy', revokedProxy()],
  ])('that throw %s cause a warning too', async (_what, thrown) => {
    const { hooks, warnings } = hooksOf({
      onUp: () => {
        throw thrown;
      },
    });
    hooks.up(client('a'));
    await hooks.done();
    expect(warnings).toEqual([expect.stringMatching(/^onUp failed: ./)]);
  });

  it('that hang delay the next by hookTimeout', async () => {
    const calls: string[] = [];
    const { hooks, clock, warnings } = hooksOf({
      onUp: () => new Promise(() => {}),
      onDown: () => calls.push('down'),
      hookTimeout: 300,
    });
    hooks.up(client('a'));
    await settle();
    hooks.down('lost', client('a'));
    await clock.advance(299);
    expect(calls).toEqual([]);
    await clock.advance(1);
    await hooks.done();
    expect([calls, warnings]).toEqual([['down'], ['onUp timed out after 300 ms; continuing']]);
  });
});

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
