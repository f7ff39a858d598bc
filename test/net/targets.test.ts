import { describe, expect, it } from '@jest/globals';
import { Targets } from '../../src/net/targets.js';

describe('the targets of a prober', () => {
  it.each([
    [
      'db.internal:7464',
      ['db.internal:7464', 'DB.internal:7464'],
      ['db.internal:80', 'x.db.internal:7464', 'db.internals:7464'],
    ],
    ['*.internal:*', ['a.internal:1', 'a.b.internal:65535'], ['internal:1', 'ainternal:1', '10.0.0.1:1']],
    ['10.1.0.0/16:7464', ['10.1.0.0:7464', '10.1.255.255:7464'], ['10.2.0.0:7464', '10.1.0.1:7465', 'a.internal:7464']],
    ['192.0.2.7:*', ['192.0.2.7:1'], ['192.0.2.8:1']],
    ['[2001:db8::/32]:7464', ['2001:db8::1:7464'], ['2001:db9::1:7464', '32.1.13.184:7464']],
  ])('%s allows the matching targets only', (pattern, allowed, refused) => {
    const targets = new Targets([pattern]);
    const ask = (target: string) => {
      const at = target.lastIndexOf(':');
      return targets.allows(target.slice(0, at), Number(target.slice(at + 1)));
    };
    expect(allowed.map(ask)).toEqual(allowed.map(() => true));
    expect(refused.map(ask)).toEqual(refused.map(() => false));
  });

  it.each([
    '',
    'db',
    'db:',
    ':7464',
    'db:99999',
    '*:7464',
    '*',
    'a*.b:1',
    '10.0.0.0/33:1',
    '10.0.0.0/x:1',
    '10.0.0.0/8/9:1',
    '[fe80::1%eth0]:1',
    'http://a:1',
    'a b:1',
  ])('refuses the pattern %j', (pattern) => {
    expect(() => new Targets([pattern])).toThrow(/^The target ".*" is invalid; allowed: HOST:PORT/);
  });
});
