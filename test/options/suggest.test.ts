import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../src/options/suggest.js';

const known = ['maxPending', 'maxWatches', 'frameTimeout', 'idleTimeout', 'kind', 'url'];

describe('the nearest known name', () => {
  it.each([
    ['maxPendng', 'maxPending'],
    ['maxpending', 'maxPending'],
    ['max_pending', 'maxPending'],
    ['MAX-PENDING', 'maxPending'],
    ['frameTimeuot', 'frameTimeout'],
    ['knid', 'kind'],
    ['ulr', 'url'],
  ])('of %s is %s', (name, meant) => expect(nearest(name, known)).toBe(meant));

  it.each(['colour', 'x', '', 'timeout'])('of %p is undefined', (name) => expect(nearest(name, known)).toBeUndefined());

  it('is not searched for a text of a megabyte', () => {
    expect(nearest('maxPending'.repeat(100_000), known)).toBeUndefined();
  });
});
