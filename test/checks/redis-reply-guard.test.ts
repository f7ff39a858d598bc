import { describe, expect, it } from '@jest/globals';
import { RedisReplyGuard } from '../../src/checks/redis/reply-guard.js';

const KIB = 'x'.repeat(1024);
const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
const info = bulk(KIB.repeat(300));

const replies = [
  '+PONG\r\n',
  '-ERR max number of clients reached\r\n',
  ':-12\r\n',
  '$-1\r\n',
  '$0\r\n\r\n',
  '*-1\r\n',
  '*0\r\n',
  bulk('a\r\nb*9\r\n'),
  `*3\r\n${bulk('master')}:3129659\r\n*1\r\n*3\r\n${bulk('127.0.0.1')}${bulk('9001')}${bulk('3129242')}`,
  `*2\r\n*2\r\n*0\r\n$-1\r\n${bulk('')}`,
  info,
];

/**
 * The count of replies shows whether the guard parses them correctly: the seventeenth reply to a command is one too
 * many.
 */
const MAX_REPLIES = 16;

describe('the guard for replies', () => {
  it.each(replies.map((reply) => [JSON.stringify(reply.slice(0, 40)), reply]))(
    'accepts %s, whole, in halves and byte by byte',
    (_text, reply) => {
      const bytes = Buffer.from(reply);
      const sizes = bytes.length > 1024 ? [bytes.length, 65_536, 1000] : [bytes.length, Math.ceil(bytes.length / 2), 1];
      for (const size of sizes) {
        const guard = new RedisReplyGuard();
        const feed = () => {
          for (let at = 0; at < bytes.length; at += size) guard.check(bytes.subarray(at, at + size));
        };
        for (let count = 0; count < MAX_REPLIES; count++) {
          feed();
          if (bytes.length > 1024) guard.reset();
        }
        if (bytes.length > 1024) continue;
        expect(feed).toThrow(/more than 16 replies/);
        guard.reset();
      }
    },
  );

  it.each<[string, RegExp, string]>([
    ['an array of any length', /more than 4096 elements/, '*33000000\r\n'],
    ['an array of just too many elements', /more than 4096 elements/, '*4097\r\n'],
    ['arrays that are too many together', /more than 4096 elements/, '*3000\r\n*1000\r\n*97\r\n'],
    ['a bulk string of any length', /more than 1048576 bytes/, '$536870912\r\n'],
    ['a bulk string that is just too long', /more than 1048576 bytes/, '$1048577\r\n'],
    ['bulk strings that are too long together', /more than 1048576 bytes/, info.repeat(4)],
    ['arrays in arrays', /more than 8 nested arrays/, '*1\r\n'.repeat(9)],
    ['a line without an end', /more than 4096 bytes in a line/, `+${KIB.repeat(5)}`],
    ['a length without an end', /more than 4096 bytes in a line/, `*${'0'.repeat(5000)}`],
    ['replies without an end', /more than 16 replies/, '+\r\n'.repeat(17)],
    ['empty arrays without an end', /more than 16 replies/, '*0\r\n'.repeat(17)],
    ['a negative length', /a length in the answer is not a number/, '$-2\r\n'],
    ['a length with a sign', /a length in the answer is not a number/, '*+1\r\n'],
    ['a length in hexadecimal', /a length in the answer is not a number/, '$0x10\r\n'],
    ['a length that is not finite', /a length in the answer is not a number/, `*${'9'.repeat(400)}\r\n`],
    ['no length', /a length in the answer is not a number/, '*\r\n'],
    ['a line that ends as on Unix', /does not end with CRLF/, '+PONG\n'],
    ['a map, which is of another version', /not a Redis server/, '%1\r\n+a\r\n+b\r\n'],
    ['a number of any size', /not a Redis server/, `(${'9'.repeat(100)}\r\n`],
    ['text', /not a Redis server/, 'HTTP/1.1 400 Bad Request\r\n'],
  ])('refuses %s, however it is split', (_what, message, said) => {
    for (const size of [said.length, 1000, 1]) {
      const guard = new RedisReplyGuard();
      const bytes = Buffer.from(said);
      const feed = () => {
        for (let at = 0; at < bytes.length; at += size) guard.check(bytes.subarray(at, at + size));
      };
      expect(feed).toThrow(message);
      expect(feed).toThrow(expect.objectContaining({ reason: 'protocol' }));
    }
  });

  it.each([
    ['an alert', 0x15],
    ['a handshake', 0x16],
  ])('recognizes %s of TLS', (_what, type) => {
    const check = () => new RedisReplyGuard().check(Buffer.from([type, 3, 3, 0, 2, 2, 70]));
    expect(check).toThrow(expect.objectContaining({ reason: 'tls' }));
  });

  it('restarts its counts with each command', () => {
    const guard = new RedisReplyGuard();
    for (let command = 0; command < 20; command++) {
      guard.reset();
      guard.check(Buffer.from(info.repeat(3)));
    }
    expect(() => guard.check(Buffer.from(info))).toThrow(/more than 1048576 bytes/);
  });
});
