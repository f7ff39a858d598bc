import { describe, expect, it } from '@jest/globals';
import { clampToFdLimit } from '../../src/server/fd-limit.js';

describe('the connections that an open file limit allows', () => {
  it.each([
    // wanted, wanted for HTTP, files, checks, probes, connections to peers; allowed, allowed for HTTP
    [10_000, 1000, undefined, 500, 500, 0, 10_000, 1000],
    [10_000, 1000, 1_048_576, 10, 0, 0, 10_000, 1000],
    [10_000, 1000, 11_064, 0, 0, 0, 10_000, 1000],
    [10_000, 1000, 11_063, 0, 0, 0, 9999, 1000],
    [10_000, 1000, 11_064, 10, 0, 0, 9960, 1000],
    [10_000, 1000, 11_064, 0, 500, 0, 9500, 1000],
    [10_000, 1000, 11_064, 0, 0, 48, 9952, 1000],
    [10_000, 1000, 11_064, 10, 500, 15, 9445, 1000],
    [10_000, 1000, 1024, 0, 0, 0, 720, 240],
    [10_000, 1000, 1024, 10, 0, 0, 690, 230],
    [10_000, 100, 1024, 0, 0, 0, 860, 100],
    [300, 1000, 1024, 0, 0, 0, 300, 660],
    [10_000, 0, 1024, 0, 0, 0, 960, 0],
    [10_000, 1000, 70, 0, 0, 0, 5, 1],
    [10_000, 1000, 20, 3, 0, 0, 1, 1],
  ])(
    'are %d, and %d for HTTP, with %p files, %d checks, %d probes and %d connections to peers, %d and %d',
    (...row) => {
      const [connections, http, files, checks, probes, peers, ...found] = row;
      const allowed = clampToFdLimit({ connections, http, grpc: 0 }, files, { checks, probes, peers, fleet: 0 });
      expect([allowed.connections, allowed.http]).toEqual(found);
    },
  );

  it('leave descriptors for the responders of a fleet', () => {
    const wanted = { connections: 10_000, http: 1000, grpc: 0 };
    expect(clampToFdLimit(wanted, 11_064, { checks: 0, probes: 0, peers: 0, fleet: 500 }).connections).toBe(9500);
  });
});
