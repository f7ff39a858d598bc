import { describe, expect, it } from '@jest/globals';
import { falseDetections, heartbeatTables, tries } from '../../bench/experiments/page.js';
import { holdTables, readRoot } from '../readme/markdown.js';

const tables = heartbeatTables(readRoot('bench/experiments/RESULTS.md'));

// `UPDATE=1 npm test -- test/protocol` writes the measured values to the page, as the experiments do.
holdTables('protocol/HEARTBEATS.md', 'experiment', tables);

describe('docs/heartbeats.md', () => {
  it.each(Object.entries(tables))('contains measured values, or results of the formula: %s', (_name, rows) => {
    expect(rows.split('\n').length).toBeGreaterThan(4);
  });

  it.each([
    // Number of segments sent at 0, 0.2, 0.6, 1.4, 3, 6.2, 12.6 and 25.4 s that fit in the time.
    [0.1, 1],
    [0.2, 2],
    [1, 3],
    [3, 5],
    [10, 6],
    [30, 8],
  ])('contains the number of TCP retransmissions within %p s: %i', (seconds, count) => {
    expect(tries(seconds)).toBe(count);
  });

  it('counts a false detection for each round that loses each try, in either direction', () => {
    const rounds = 31_557_600 / 8.75;
    expect(falseDetections(10, 3, 0.1, 1)).toBeCloseTo(rounds * 1e-8);
    expect(falseDetections(10, 3, 0.1, 2)).toBeCloseTo(rounds * 2e-8);
    expect(falseDetections(10, 3, 1, 2)).toBe(rounds);
  });

  it('lists the presets of the client', async () => {
    const { heartbeatPresets } = await import('../../src/client.js');
    for (const [name, { interval, maxPingsOut }] of Object.entries(heartbeatPresets)) {
      expect(tables.costs).toContain(`| ${interval / 1000} s, ${maxPingsOut} (\`${name}\`) |`);
    }
  });
});
