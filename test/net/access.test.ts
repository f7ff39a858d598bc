import { describe, expect, it } from '@jest/globals';
import { mayDetail } from '../../src/net/access.js';

const here = ['127.0.0.1', '127.255.0.3', '::1', '::ffff:127.0.0.1', undefined];
const elsewhere = [
  '10.0.0.1',
  '192.168.127.1',
  '128.0.0.1',
  '1270.0.0.1',
  '::ffff:10.0.0.1',
  '::',
  '::2',
  'fe80::1',
  '',
];

describe('the access to details', () => {
  it.each(here)('loopback: allows a peer at %s, which is this machine', (address) => {
    expect(mayDetail('loopback', address)).toBe(true);
  });

  it.each(elsewhere)('loopback: denies a peer at %j', (address) => {
    expect(mayDetail('loopback', address)).toBe(false);
  });

  it('always: allows every peer', () => {
    for (const address of [...here, ...elsewhere]) expect(mayDetail('always', address)).toBe(true);
  });

  it.each(['never', 'token'] as const)('%s: allows no peer by its address', (mode) => {
    for (const address of [...here, ...elsewhere]) expect(mayDetail(mode, address)).toBe(false);
  });
});
