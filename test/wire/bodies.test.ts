import { describe, expect, it } from '@jest/globals';
import { BadBody, readBody } from '../../src/wire/bodies.js';
import { FrameType } from '../../src/wire/codes.js';

const { PING, WATCH, HELLO, GOAWAY, PONG, ERROR } = FrameType;

function refusal(type: number, body: string | Buffer, receiver: 'server' | 'client' = 'server'): string {
  try {
    readBody(type, Buffer.from(body as string), receiver);
  } catch (error) {
    if (error instanceof BadBody) return error.message;
    throw error;
  }
  throw new Error('The body was taken.');
}

describe('the description of a refused body', () => {
  it.each([
    [PING, 'x', 'The body is not JSON; one JSON object without a byte order mark is allowed.'],
    [PING, '[]', 'The body is an array; a JSON object is allowed.'],
    [PING, 'null', 'The body is null; a JSON object is allowed.'],
    [PING, '{"timeoutMs":-1}', 'The key timeoutMs is -1; an integer from 0 to 2147483647 is allowed.'],
    [PING, '{"maxAgeMs":1e400}', 'The key maxAgeMs is Infinity; an integer from 0 to 2147483647 is allowed.'],
    [PING, '{"maxAgeMs":{}}', 'The key maxAgeMs is an object; an integer from 0 to 2147483647 is allowed.'],
    [PING, '{"checks":"db"}', 'The key checks is a string; an array of 1 to 32 strings is allowed.'],
    [PING, '{"checks":[]}', 'The key checks has 0 elements; an array of 1 to 32 strings is allowed.'],
    [PING, '{"checks":["a",true]}', 'The key checks has a boolean at index 1; an array of 1 to 32 strings is allowed.'],
    [PING, '{"checks":["a"],"group":"b"}', 'The body has both checks and group; one of them is allowed.'],
    [PING, '{"own":1}', 'The key own is a number; a boolean is allowed.'],
    [
      PING,
      '{"own":true}',
      'The key own is true; it is allowed for scope 0 (readiness) with one check, and without maxAgeMs.',
    ],
    [WATCH, '{"scope":3}', 'The key scope is 3; an integer from 0 to 2 is allowed.'],
    [HELLO, '{"heartbeat":null}', 'The key heartbeat is null; a JSON object is allowed.'],
    [HELLO, '{"heartbeat":{"mult":0}}', 'The key heartbeat.mult is 0; an integer from 1 to 255 is allowed.'],
    [
      PING,
      `{"x":${'['.repeat(32)}${']'.repeat(32)}}`,
      'The body is nested more than 32 levels deep; up to 32 levels are allowed.',
    ],
    [PING, '{"group":"\\ud800"}', 'A string in the body has half of a surrogate pair; only whole pairs are allowed.'],
    [GOAWAY, '{"graceMs":0.5}', 'The key graceMs is 0.5; an integer from 0 to 2147483647 is allowed.'],
  ])('of type %i, %s', (type, body, message) => {
    expect(refusal(type, body)).toBe(message);
  });

  it('of bytes that are not UTF-8', () => {
    expect(refusal(PING, Buffer.of(0xff))).toBe('The body is not UTF-8; one JSON object in UTF-8 is allowed.');
  });

  it('contains no text of the body', () => {
    const bodies = [
      '{"token":"hunter2","name":1}',
      '{"token":["hunter2"]}',
      '{"token":{"hunter2":1}}',
      '{"hunter2":',
      '{"token":"x"} hunter2',
      '"hunter2"',
      '{"name":"a","heartbeat":"hunter2"}',
    ];
    for (const body of bodies) expect(refusal(HELLO, body)).not.toContain('hunter2');
  });
});

describe('a valid body', () => {
  it('has no unknown key, and none of its prototype', () => {
    const body = readBody(PING, Buffer.from('{"__proto__":{"group":"x"},"other":1,"timeoutMs":1}'), 'server');
    expect(Object.keys(body ?? {})).toEqual(['timeoutMs']);
    expect((body as { group?: string }).group).toBeUndefined();
  });

  it('does not share the default heartbeat with another one', () => {
    const [one, other] = ['{}', '{}'].map((text) => {
      return readBody(HELLO, Buffer.from(text), 'server') as { heartbeat: { mult: number } };
    });
    one!.heartbeat.mult = 9;
    expect(other!.heartbeat.mult).toBe(3);
  });

  it('may be a report of 32 levels', () => {
    const report = (depth: number) => Buffer.from(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`);
    expect(Object.keys(readBody(PONG, report(32), 'client') ?? {})).toEqual(['a']);
    for (const depth of [33, 32_000]) expect(() => readBody(PONG, report(depth), 'client')).toThrow(BadBody);
  });

  it('is undefined for an ERROR with an invalid one', () => {
    for (const text of ['', 'x', '[]', '{"message":null}', '{"message":"m","retryAfterMs":-1}']) {
      expect(readBody(ERROR, Buffer.from(text), 'client')).toBeUndefined();
    }
    expect(readBody(ERROR, Buffer.from('{"message":"m"}'), 'client')).toEqual({ message: 'm' });
  });
});
