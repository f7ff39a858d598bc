import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { FrameType, WireError } from '../../src/wire/codes.js';
import { Decoder, FAULT, FRAME, NEED_MORE } from '../../src/wire/decoder.js';
import { encodeFrame } from '../../src/wire/encode.js';
import { cut, idOf } from './vectors.js';

const id = { idHigh: 0x01234567, idLow: -2 };
const ping = encodeFrame({ type: FrameType.PING, ...id });
const pingWithBody = encodeFrame({ type: FrameType.PING, ...id, body: { timeoutMs: 250 } });
const pong = encodeFrame({ type: FrameType.PONG, code: 1, ...id, body: { status: 'pass' } });

function server(...chunks: Buffer[]): Decoder {
  const decoder = new Decoder('server');
  for (const chunk of chunks) {
    decoder.push(chunk);
    while (decoder.next() === FRAME);
  }
  return decoder;
}

function wrongAt(octets: Buffer, at: number, octet: number): Buffer {
  const wrong = Buffer.from(octets);
  wrong[at] = octet;
  return wrong;
}

describe('the offset of a frame', () => {
  it('is its start in the chunk for a bare frame that is complete there', () => {
    const decoder = new Decoder('server');
    decoder.push(Buffer.concat([ping, ping]));
    expect([decoder.next(), decoder.offset, decoder.position]).toEqual([FRAME, 0, 16]);
    expect([decoder.next(), decoder.offset, decoder.position]).toEqual([FRAME, 16, 32]);
    expect([decoder.next(), decoder.position]).toEqual([NEED_MORE, 32]);
  });

  it('is -1 for a bare frame that is split across chunks', () => {
    const decoder = server(ping.subarray(0, 5));
    decoder.push(Buffer.concat([ping.subarray(5), ping]));
    expect([decoder.next(), decoder.offset, decoder.position]).toEqual([FRAME, -1, 11]);
    expect([decoder.next(), decoder.offset, decoder.position]).toEqual([FRAME, 11, 27]);
  });

  it('is -1 for a frame with a body', () => {
    const decoder = new Decoder('server');
    decoder.push(Buffer.concat([pingWithBody, ping]));
    expect([decoder.next(), decoder.offset, decoder.position]).toEqual([FRAME, -1, pingWithBody.length]);
    expect(decoder.body).toEqual({ timeoutMs: 250 });
  });

  it('a skipped body that is complete in the chunk is consumed with its header', () => {
    const decoder = new Decoder('server');
    decoder.push(Buffer.concat([pong, ping]));
    expect([decoder.next(), decoder.offset, decoder.position]).toEqual([FRAME, -1, pong.length]);
    expect(decoder.body).toBeUndefined();
    expect(decoder.hasPartial).toBe(false);
  });

  it('the newline behind a frame is consumed only by the call for the next frame', () => {
    const decoder = new Decoder('server');
    decoder.push(Buffer.concat([ping, Buffer.from('\n'), ping]));
    expect([decoder.next(), decoder.position]).toEqual([FRAME, 16]);
    expect([decoder.next(), decoder.offset, decoder.position]).toEqual([FRAME, 17, 33]);
  });

  it('a frame patched in place does not disturb the frames behind it', () => {
    const chunk = Buffer.concat([ping, ping]);
    const decoder = new Decoder('server');
    decoder.push(chunk);
    decoder.next();
    chunk.fill(0xff, decoder.offset, decoder.position);
    expect([decoder.next(), decoder.type, idOf(decoder)]).toEqual([FRAME, FrameType.PING, idOf(id)]);
  });
});

describe('hasPartial', () => {
  it('is false before the first byte, between frames, behind a newline and after a fault', () => {
    const newline = Buffer.from('\n');
    expect(server().hasPartial).toBe(false);
    expect(server(Buffer.alloc(0)).hasPartial).toBe(false);
    expect(server(ping).hasPartial).toBe(false);
    expect(server(ping, newline).hasPartial).toBe(false);
    expect(server(pingWithBody, newline).hasPartial).toBe(false);
    expect(server(wrongAt(ping, 4, 9)).hasPartial).toBe(false);
  });

  it.each([
    ['PING', ping],
    ['PING with a body', pingWithBody],
    ['PONG, which is skipped', pong],
  ])('is true from the first byte of a %s to its second to last', (_, frame) => {
    const decoder = new Decoder('server');
    const inside = Array.from(frame, (_octet, index) => {
      decoder.push(frame.subarray(index, index + 1));
      while (decoder.next() === FRAME);
      return decoder.hasPartial;
    });
    expect(inside).toEqual([...Array(frame.length - 1).fill(true), false]);
  });

  it('comes with the id of the frame once its header is complete, and with zeros before', () => {
    expect(idOf(server(ping, pingWithBody.subarray(0, 15)))).toBe(idOf({ idHigh: 0, idLow: 0 }));
    expect(idOf(server(ping, pingWithBody.subarray(0, 16)))).toBe(idOf(id));
    expect(idOf(server(ping, pong.subarray(0, 20)))).toBe(idOf(id));
  });
});

describe('the memory of a decoder', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('has one buffer for a split body, in any number of chunks, allocated when its header is valid', () => {
    const allocate = jest.spyOn(Buffer, 'allocUnsafe');
    const decoder = server(...cut(pingWithBody, [16, 17, 18, 20, 25]));
    expect(decoder.hasPartial).toBe(false);
    expect(allocate.mock.calls).toEqual([[pingWithBody.length - 16]]);
  });

  it('has no buffer for a body that is complete in the chunk, a skipped one, or a refused frame', () => {
    const allocate = jest.spyOn(Buffer, 'allocUnsafe');
    const late = pingWithBody.subarray(0, 20);
    server(pingWithBody);
    server(...cut(pong, [3, 17, 20]));
    for (const refused of [wrongAt(late, 0, 1), wrongAt(late, 2, 5), wrongAt(late, 4, 2), wrongAt(late, 5, 7)]) {
      expect(server(refused).fault).toBeDefined();
      expect(server(...cut(refused, [2, 9])).fault).toBeDefined();
    }
    expect(allocate).not.toHaveBeenCalled();
  });

  it('keeps no body after NEED_MORE', () => {
    expect(server(pingWithBody).body).toBeUndefined();
  });
});

describe('after the last frame', () => {
  it('another call without another chunk has no effect', () => {
    for (const end of [0, 3, 16, 18, pingWithBody.length]) {
      const decoder = server(pingWithBody.subarray(0, end));
      expect([decoder.next(), decoder.next(), decoder.position]).toEqual([NEED_MORE, NEED_MORE, end]);
      decoder.push(Buffer.concat([pingWithBody.subarray(end), ping]));
      const rest = [decoder.next(), decoder.next(), decoder.next()];
      expect(rest.filter((found) => found === FRAME).length).toBe(end === pingWithBody.length ? 1 : 2);
    }
  });

  it('a decoder that has refused a frame refuses all further input', () => {
    const decoder = server(wrongAt(ping, 4, 9));
    const { fault } = decoder;
    decoder.push(ping);
    expect([decoder.next(), decoder.next()]).toEqual([FAULT, FAULT]);
    expect(decoder.fault).toBe(fault);
    expect(idOf(decoder)).toBe(idOf(id));
  });

  it('each decoder counts its own HELLOs', () => {
    const hello = encodeFrame({ type: FrameType.HELLO, ...id });
    expect(server(hello).fault).toBeUndefined();
    expect(server(hello).fault).toBeUndefined();
    expect(server(hello, hello).fault?.code).toBe(WireError.PROTOCOL);
  });
});

describe('the description of a fault', () => {
  function description(receiver: 'server' | 'client', octets: Buffer): string | undefined {
    const decoder = new Decoder(receiver);
    decoder.push(octets);
    while (decoder.next() === FRAME);
    return decoder.fault?.message;
  }

  it.each([
    [wrongAt(ping, 3, 11), 'The length is 11; 12 to 65548 are allowed.'],
    [wrongAt(ping, 0, 0xff), 'The length is 4278190092; 12 to 65548 are allowed.'],
    [wrongAt(ping, 4, 2), 'The version is 2; only 1 is allowed.'],
    [
      wrongAt(ping, 5, 7),
      'The type is 07; 01 PING, 02 PONG, 03 WATCH, 04 STATUS, 05 HELLO, 06 GOAWAY, 7f ERROR and 80 to ff are allowed.',
    ],
    [wrongAt(ping, 2, 5), 'The body of the PING has 1280 bytes; at most 1024 are allowed.'],
    [wrongAt(ping, 6, 0xf9), 'The critical flags of the PING are 09; bits of 03 are allowed.'],
    [wrongAt(ping, 7, 3), 'The scope is 3; 0 readiness, 1 liveness and 2 startup are allowed.'],
    [wrongAt(ping, 5, 4), 'A STATUS was sent by the client; only the server is allowed to send it.'],
    [
      Buffer.concat([wrongAt(ping, 5, 5), wrongAt(ping, 5, 5)]),
      'A second HELLO was received; one per connection is allowed.',
    ],
  ])('names the value and what is allowed, %#', (octets, message) => {
    expect(description('server', octets)).toBe(message);
  });

  it('depends on the receiver', () => {
    const message = 'A WATCH was sent by the server; only the client is allowed to send it.';
    expect(description('client', wrongAt(ping, 5, 3))).toBe(message);
  });
});

describe('the frame beyond `allowed`', () => {
  const beyond: [string, Buffer, code: number, at: number][] = [
    ['a bare PING', ping, WireError.TOO_MANY_PINGS, 16],
    ['a PING with a body', pingWithBody, WireError.TOO_MANY_PINGS, 16],
    ['a frame that is skipped', pong, WireError.TOO_MANY_PINGS, 16],
    ['a frame of another version', wrongAt(ping, 4, 9), WireError.TOO_MANY_PINGS, 16],
    ['a length that is too small', wrongAt(ping, 3, 0), WireError.PROTOCOL, 4],
    ['a length that is too large', wrongAt(ping, 0, 1), WireError.TOO_LARGE, 4],
  ];

  it.each(beyond)('is refused when its header is complete, wherever it is split: %s', (_what, frame, code, at) => {
    for (let place = 0; place < 16; place++) {
      const decoder = server(pong.subarray(0, 20));
      const first = Buffer.concat([pong.subarray(20), ping, frame.subarray(0, place)]);
      decoder.push(first);
      decoder.allowed = 1;
      expect([decoder.next(), decoder.type, decoder.allowed]).toEqual([FRAME, FrameType.PING, 0]);
      expect(decoder.next()).toBe(place < at ? NEED_MORE : FAULT);
      for (let end = place + 1; end <= at; end++) {
        decoder.push(frame.subarray(end - 1, end));
        decoder.allowed = 0;
        expect(decoder.next()).toBe(end < at ? NEED_MORE : FAULT);
      }
      expect(decoder.fault?.code).toBe(code);
      expect(idOf(decoder)).toBe(at === 4 ? '0'.repeat(16) : idOf(id));
    }
  });

  it('is none on a connection without a rate, in each chunk', () => {
    const decoder = new Decoder('client');
    for (let n = 0; n < 3; n++) {
      decoder.push(ping);
      expect([decoder.allowed, decoder.next(), decoder.next()]).toEqual([2 ** 30 - 1, FRAME, NEED_MORE]);
    }
  });
});
