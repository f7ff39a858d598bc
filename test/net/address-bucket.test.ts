import { describe, expect, it } from '@jest/globals';
import { addressBucket } from '../../src/net/address-bucket.js';

describe('the key of an address', () => {
  it.each([
    ['one address', 64, '192.0.2.1', '192.0.2.1'],
    ['one network of 64 bits', 64, '2001:db8:0:1::1', '2001:db8:0:1:a:b:c:d'],
    ['two spellings of a network of 64 bits', 64, '2001:db8::1', '2001:DB8:0:0:ffff::'],
    ['one network of 56 bits', 56, '2001:db8:0:ff::', '2001:db8::1'],
    ['one network of 48 bits', 48, '2001:db8:1:ffff::1', '2001:db8:1::'],
    ['one network of 1 bit', 1, '::1', '7fff::'],
    ['an IPv4 address and its mapped one', 64, '192.0.2.1', '::ffff:192.0.2.1'],
    ['two spellings of a mapped address', 64, '::ffff:192.0.2.255', '::ffff:c000:2ff'],
  ])('is the same for %s', (_what, prefix, one, other) => {
    expect(addressBucket(one, prefix)).toBe(addressBucket(other, prefix));
  });

  it.each([
    ['two IPv4 addresses', 64, '192.0.2.1', '192.0.2.2'],
    ['two mapped addresses', 64, '::ffff:192.0.2.1', '::ffff:192.0.2.2'],
    ['two networks of 64 bits', 64, '2001:db8:0:1::1', '2001:db8:0:2::1'],
    ['two networks of 57 bits', 57, '2001:db8:0:80::', '2001:db8::'],
    ['two addresses with a prefix of 128 bits', 128, '2001:db8::1', '2001:db8::2'],
    ['two link-local addresses', 64, 'fe80::1', 'fe80::2'],
    ['one link-local address on two links', 64, 'fe80::1%eth0', 'fe80::1%eth1'],
    ['loopback and an IPv4 address', 64, '::1', '127.0.0.1'],
  ])('differs for %s', (_what, prefix, one, other) => {
    expect(addressBucket(one, prefix)).not.toBe(addressBucket(other, prefix));
  });

  it.each([undefined, 'unknown', ''])('is undefined without an address (%p)', (address) => {
    expect(addressBucket(address, 64)).toBeUndefined();
  });
});
