import { describe, expect, it } from '@jest/globals';
import { PongcheckError } from '../../src/common/errors.js';
import { formatAddress, hostAndPort, parseAddress } from '../../src/net/address.js';

function refusal(text: unknown): PongcheckError {
  try {
    parseAddress(text as string);
  } catch (error) {
    return error as PongcheckError;
  }
  throw new Error(`accepted: ${String(text)}`);
}

describe('an address', () => {
  it.each([
    ['pong://127.0.0.1:7464', '127.0.0.1', 7464],
    ['PONG://db.example:1', 'db.example', 1],
    ['pong://db.example', 'db.example', 7464],
    ['localhost:9000', 'localhost', 9000],
    ['localhost', 'localhost', 7464],
    ['my_service.local.', 'my_service.local.', 7464],
    ['10.0.0.1', '10.0.0.1', 7464],
    ['10.0.0.1:65535', '10.0.0.1', 65535],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['pong://[::1]:7464', '::1', 7464],
    ['[::1]:8000', '::1', 8000],
    ['[fe80::1%eth0]', 'fe80::1%eth0', 7464],
    ['[::ffff:10.0.0.1]:1', '::ffff:10.0.0.1', 1],
  ])('%s is parsed', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ kind: 'tcp', host, port });
  });

  it.each([
    ['pongs://db.example', { kind: 'tls', host: 'db.example', port: 7464 }, 'pongs://db.example:7464'],
    ['PONGS://[::1]:1', { kind: 'tls', host: '::1', port: 1 }, 'pongs://[::1]:1'],
  ] as const)('of TLS is parsed and formatted: %s', (text, address, written) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(address)).toBe(written);
  });

  it.each([
    ['', 'has no host'],
    ['pong://', 'has no host'],
    ['http://127.0.0.1:80', 'an unknown scheme'],
    ['constructor://127.0.0.1', 'an unknown scheme'],
    ['pong://127.0.0.1:7464/', 'a path or a query'],
    ['pong://127.0.0.1:7464?x=1', 'a path or a query'],
    ['::1', 'an IPv6 address without brackets'],
    ['fe80::1', 'an IPv6 address without brackets'],
    ['[127.0.0.1]:1', 'no valid IPv6 address'],
    ['[::1', 'no valid host'],
    ['[::1]7464', 'no valid host'],
    [':7464', 'no valid host'],
    ['a b:1', 'no valid host'],
    ['host\n:1', 'no valid host'],
    ['127.1:1', 'no valid host'],
    ['300.1.1.1', 'no valid host'],
    ['a..b', 'no valid host'],
    [`${'a'.repeat(64)}:1`, 'no valid host'],
    [`${'a.'.repeat(127)}b`, 'no valid host'],
    ['host:', 'a port that is not a number from 0 to 65535'],
    ['host:65536', 'a port that is not a number from 0 to 65535'],
    ['host:-1', 'a port that is not a number from 0 to 65535'],
    ['host:1e3', 'a port that is not a number from 0 to 65535'],
    ['host:80:80', 'a port that is not a number from 0 to 65535'],
  ])('%j is refused, with the issue and the allowed forms', (text, found) => {
    const error = refusal(text);
    expect(error).toBeInstanceOf(PongcheckError);
    expect(error.code).toBe('PONGCHECK_ADDRESS');
    expect(error.message).toContain(found);
    expect(error.message).toContain('allowed: pong://HOST:PORT, pongs://HOST:PORT (TLS), HOST:PORT and HOST');
  });

  it.each([
    [undefined, 'not undefined'],
    [null, 'not null'],
    [7464, 'not number'],
  ])('%j is refused because it is not a string', (value, found) => {
    expect(refusal(value)).toMatchObject({ code: 'PONGCHECK_ADDRESS', message: expect.stringContaining(found) });
  });

  it.each([
    `pong://user:hunter2@host:1`,
    `user:hunter2@host`,
    `pong://hunter2?hunter2@host`,
    `pong://host:1?token=hunter2`,
    `pong://${'u'.repeat(500)}:hunter2@host`,
  ])('the error contains no credentials (%#)', (text) => {
    expect(refusal(text).message).not.toContain('hunter2');
  });

  it('is escaped and truncated in the error', () => {
    expect(refusal('\u001b[31mred').message).toContain('"\\u001b[31mred"');
    expect(refusal('x'.repeat(100_000)).message.length).toBeLessThan(400);
  });

  it.each(['pong://127.0.0.1:7464', 'pong://[::1]:0', 'pong://db.example:1'])(
    '%s is formatted and parsed unchanged',
    (text) => {
      expect(formatAddress(parseAddress(text))).toBe(text);
    },
  );

  it('has a short form for descriptions', () => {
    expect(hostAndPort(parseAddress('pong://db.example'))).toBe('db.example:7464');
    expect(hostAndPort(parseAddress('pong://[::1]:1'))).toBe('[::1]:1');
  });
});

describe('the address of a Unix socket', () => {
  it.each(['pong+unix:/run/pong.sock', 'pong+unix:///run/pong.sock'])('%s is read', (text) => {
    const address = parseAddress(text);
    expect(address).toEqual({ kind: 'unix', path: '/run/pong.sock' });
    expect(formatAddress(address)).toBe('pong+unix:/run/pong.sock');
    expect(hostAndPort(address)).toBe('/run/pong.sock');
  });

  it.each([
    ['pong+unix:run/pong.sock', 'has a path that is not absolute'],
    ['pong+unix:', 'has a path that is not absolute'],
    [`pong+unix:/${'x'.repeat(107)}`, 'has a path of more than 107 bytes'],
  ])('%s is refused', (text, found) => {
    expect(() => parseAddress(text)).toThrow(found);
  });
});
