import fc from 'fast-check';
import { FrameType, maxBody } from '../../src/wire/codes.js';
import { encodeFrame, type OutgoingFrame } from '../../src/wire/encode.js';

const { PING, PONG, WATCH, STATUS, HELLO, GOAWAY, ERROR } = FrameType;

const octet = fc.integer({ min: 0, max: 255 });
const half = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const ids = { idHigh: half, idLow: half };
const ms = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const name = fc.string({ unit: 'binary', maxLength: 8 });
const optional = { requiredKeys: [] };
const selection = { checks: fc.array(name, { minLength: 1, maxLength: 6 }) };
const hints = (known: number) => octet.map((flags) => flags & (0xf0 | known));

const heartbeat = fc.record({ canSendMs: ms, wantMs: ms, mult: fc.integer({ min: 1, max: 255 }) });
const scope = fc.integer({ min: 0, max: 2 });
/** Only own keys of a frame. JSON has no undefined and no -0, and the key __proto__ cannot be set by assignment. */
const report = fc
  .dictionary(name, fc.jsonValue({ maxDepth: 3 }))
  .map((value) => JSON.parse(JSON.stringify(value)) as object)
  .filter((value) => !JSON.stringify(value).includes('__proto__'));

function frames(type: number, flags: number, code: fc.Arbitrary<number>, body: fc.Arbitrary<object>) {
  const fields = { type: fc.constant(type), flags: hints(flags), code, ...ids };
  const withBody = body.filter((value) => Buffer.byteLength(JSON.stringify(value)) <= (maxBody[type as 1] ?? 0));
  return fc.oneof(fc.record(fields), fc.record({ ...fields, body: withBody })) as fc.Arbitrary<OutgoingFrame>;
}

const goaway = frames(GOAWAY, 0, octet, fc.record({ graceMs: ms, reconnectAfterMs: ms }, optional));
const ping = frames(PING, 3, scope, fc.record({ ...selection, maxAgeMs: ms, timeoutMs: ms }, optional));
const pingOfGroup = frames(PING, 3, scope, fc.record({ group: name, timeoutMs: ms }));
export const fromClient = fc.oneof(
  ping,
  pingOfGroup,
  frames(WATCH, 3, octet, fc.record({ ...selection, scope }, optional)),
  goaway,
);
export const fromServer = fc.oneof(
  frames(PONG, 6, octet, report),
  frames(STATUS, 4, octet, report),
  frames(ERROR, 1, octet, fc.record({ message: name, retryAfterMs: ms }, optional)),
  ping,
  goaway,
);
export const clientHello = frames(HELLO, 0, octet, fc.record({ name, token: name, heartbeat }));
export const serverHello = frames(HELLO, 0, octet, fc.record({ instance: name, idleTimeoutMs: ms, heartbeat }));

/** A few arbitrary bytes. */
export const junk = fc.uint8Array({ maxLength: 24 }).map((octets) => Buffer.from(octets));

const nearly = fc
  .record({
    length: fc.integer({ min: 10, max: 60 }),
    type: fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 0x7f, 0x80),
    flags: octet,
    rest: junk,
  })
  .map(({ length, type, flags, rest }) => Buffer.concat([Buffer.of(0, 0, 0, length, 1, type, flags, 1), rest]));

/** Bytes that resemble these frames: valid frames, valid frames with one changed byte, and arbitrary bytes. */
export function octetsLike(...frames: fc.Arbitrary<OutgoingFrame>[]): fc.Arbitrary<Buffer> {
  const sound = fc.oneof(...frames).map(encodeFrame);
  const damaged = fc.tuple(sound, fc.nat(), octet).map(([frame, at, value]) => {
    const copy = Buffer.from(frame);
    copy[at % Math.min(copy.length, 24)] = value;
    return copy;
  });
  const pieces = fc.oneof(
    { weight: 5, arbitrary: sound },
    { weight: 2, arbitrary: damaged },
    { weight: 1, arbitrary: nearly },
    { weight: 1, arbitrary: junk },
    { weight: 1, arbitrary: fc.constant(Buffer.from('\n')) },
  );
  return fc.array(pieces, { maxLength: 8 }).map((parts) => Buffer.concat(parts));
}
