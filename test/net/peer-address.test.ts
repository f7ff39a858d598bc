import { describe, expect, it } from '@jest/globals';
import { PongcheckError } from '../../src/common/errors.js';
import { formatPeerAddress, parsePeerAddress } from '../../src/net/peer-address.js';

describe('an address of peers', () => {
  it.each([
    ['shop', { kind: 'tcp', host: 'shop', port: 7464 }, 'pong://shop:7464'],
    ['shop-headless.prod.svc:7000', { kind: 'tcp', host: 'shop-headless.prod.svc', port: 7000 }, undefined],
    ['pong://[::1]:1', { kind: 'tcp', host: '::1', port: 1 }, 'pong://[::1]:1'],
    ['PONGS://10.0.0.7', { kind: 'tls', host: '10.0.0.7', port: 7464 }, 'pongs://10.0.0.7:7464'],
    ['srv+pong://_pong._tcp.shop', { kind: 'srv', name: '_pong._tcp.shop', transport: 'tcp' }, undefined],
    [
      'SRV+PONGS://shop.example.',
      { kind: 'srv', name: 'shop.example.', transport: 'tls' },
      'srv+pongs://shop.example.',
    ],
  ])('%s is parsed, and formatted in one form', (text, address, canonical) => {
    const parsed = parsePeerAddress(text);
    expect(parsed).toEqual(address);
    if (canonical !== undefined) expect(formatPeerAddress(parsed)).toBe(canonical);
    expect(parsePeerAddress(formatPeerAddress(parsed))).toEqual(address);
  });

  it.each([
    'pong://shop:0',
    'pong+unix:/run/pong.sock',
    'http://shop',
    'srv+http://shop',
    'srv+shop',
    'srv+pong://',
    'srv+pong://_pong._tcp.shop:7464',
    'srv+pong://10.0.0.7',
    'srv+pong://[::1]',
    'srv+pong://shop/x',
    'srv+pong+unix:/run/pong.sock',
    'srv+srv+pong://shop',
    'srv+pong://user:hunter2@shop',
    'shop, other',
    '',
  ])('%j is refused, without a credential in the message', (text) => {
    let error: unknown;
    try {
      parsePeerAddress(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PongcheckError);
    expect(error).toMatchObject({ code: 'PONGCHECK_ADDRESS', message: expect.stringContaining('allowed: ') });
    expect((error as Error).message).not.toContain('hunter2');
  });
});
