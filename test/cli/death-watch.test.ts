import { describe, expect, it } from '@jest/globals';
import { describeLivenessSettings } from '../../src/cli/serve/liveness-settings.js';
import type { FileSettings } from '../../src/config/settings.js';

function lines(listen: FileSettings['listen'], heartbeat: Partial<FileSettings['heartbeat']> = {}): string[] {
  const settings = { listen, heartbeat: { idleTimeout: 90_000, pingInterval: 0, maxPingsOut: 3, ...heartbeat } };
  return describeLivenessSettings(settings as FileSettings);
}

describe('what serve says of finding dead peers', () => {
  it('names each way with its worst case', () => {
    const keepAlive = { idle: 4000, interval: 1000, count: 5 };
    expect(lines([{ url: 'pong://a:1', keepAlive }], { pingInterval: 10_000 })).toEqual([
      'idle timeout: a peer that is silent for 90s is closed, dead or not',
      'PINGs of the server: every 10s to clients that ask for them in HELLO; a dead one is found within 40s',
      'TCP keep-alive at pong://a:1: a host that is gone is found within 9s; a process that hangs is not',
    ]);
  });

  it('says what is off', () => {
    expect(lines([{ url: 'pong://a:1' }], { idleTimeout: 0 })).toEqual([
      'idle timeout: off',
      'PINGs of the server: off',
      'TCP keep-alive: off',
    ]);
  });

  it('names the idle timeout of each listener that has its own', () => {
    const [first, second] = lines([{ url: 'pong://a:1' }, { url: 'pong://b:1', idleTimeout: 5000 }]);
    expect([first, second]).toEqual([
      'idle timeout: a peer that is silent for 90s is closed, dead or not',
      'idle timeout: a peer that is silent for 5s is closed, dead or not',
    ]);
  });
});
