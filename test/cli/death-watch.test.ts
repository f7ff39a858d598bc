import { describe, expect, it } from '@jest/globals';
import { describeLivenessSettings } from '../../src/cli/serve/liveness-settings.js';
import type { FileSettings } from '../../src/config/settings.js';

function lines(listen: FileSettings['listen'], heartbeat: Partial<FileSettings['heartbeat']> = {}): string[] {
  const settings = { listen, heartbeat: { idleTimeout: 90_000, pingInterval: 0, maxPingsOut: 3, ...heartbeat } };
  return describeLivenessSettings(settings as FileSettings);
}

describe('the log line of serve about the detection of dead peers', () => {
  it('lists each mechanism with its worst case', () => {
    const keepAlive = { idle: 4000, interval: 1000, count: 5 };
    expect(lines([{ url: 'pong://a:1', keepAlive }], { pingInterval: 10_000 })).toEqual([
      'idle timeout: connections without data for 90s are closed',
      'server heartbeats: every 10s, for clients that request them in HELLO; a dead client is detected within 40s',
      'TCP keep-alive on pong://a:1: a lost host is detected within 9s; a hung process is not detected',
    ]);
  });

  it('lists what is disabled', () => {
    expect(lines([{ url: 'pong://a:1' }], { idleTimeout: 0 })).toEqual([
      'idle timeout: off',
      'server heartbeats: off',
      'TCP keep-alive: off',
    ]);
  });

  it('lists the idle timeout of each listener that has its own', () => {
    const [first, second] = lines([{ url: 'pong://a:1' }, { url: 'pong://b:1', idleTimeout: 5000 }]);
    expect([first, second]).toEqual([
      'idle timeout: connections without data for 90s are closed',
      'idle timeout: connections without data for 5s are closed',
    ]);
  });
});
