import { describe, expect, it } from '@jest/globals';
import { connectionsWithin } from '../../src/server/open-files.js';

describe('the connections that a limit of open files allows', () => {
  it.each([
    [10_000, undefined, 10_000],
    [10_000, 1_048_576, 10_000],
    [10_000, 10_064, 10_000],
    [10_000, 10_063, 9999],
    [10_000, 1024, 960],
    [10_000, 20, 1],
  ])('are of %d wanted, with %p files, %d', (wanted, files, found) => {
    expect(connectionsWithin(wanted, files)).toBe(found);
  });
});
