// What is broken, one rule at a time, to see that a session of that rule finds it: `rule`; `name`, what the responder does
// then; `file`, below dist; `find`, text that stands there exactly once, and `replace`. A rule that is not broken here has
// `why` instead.

const codes = 'wire/codes.js';
const header = 'wire/header.js';
const decoder = 'wire/decoder.js';
const bodies = 'wire/bodies.js';
const encode = 'wire/encode.js';
const frames = 'server/protocol/frames.js';

export const mutations = [
  {
    rule: 'M1',
    name: 'writes version 2',
    file: encode,
    find: 'target[at + 4] = VERSION;',
    replace: 'target[at + 4] = 2;',
  },
  {
    rule: 'M1',
    name: 'sets the flag 10 in a PONG',
    file: frames,
    find: 'chunk[offset + 5] = FrameType.PONG;',
    replace: 'chunk[offset + 5] = FrameType.PONG; chunk[offset + 6] = 0x10;',
  },
  {
    rule: 'M2',
    name: 'answers a fault with an id of zeros',
    file: frames,
    find: 'const frame = this.error(code, message, ErrorFlag.FATAL, decoder.idHigh, decoder.idLow, retryAfterMs);',
    replace: 'const frame = this.error(code, message, ErrorFlag.FATAL, 0, 0, retryAfterMs);',
  },
  {
    rule: 'M2',
    name: 'loses the last octet of an id',
    file: encode,
    find: 'writeWord(target, at + 12, idLow);',
    replace: 'writeWord(target, at + 12, idLow & ~0xff);',
  },
  {
    rule: 'M3',
    name: 'forgets the begun header at the next segment',
    file: decoder,
    find: 'this.end = chunk.length;',
    replace: 'this.end = chunk.length; if (this.stage === IN_HEADER) this.stage = BOUNDARY;',
  },
  {
    rule: 'M3',
    name: 'writes the second part of a body over the first',
    file: decoder,
    find: 'this.chunk.copy(body, body.length - this.missing,',
    replace: 'this.chunk.copy(body, 0,',
  },
  {
    rule: 'M4',
    name: 'judges the code of a HELLO as a scope',
    file: header,
    find: 'if (type === FrameType.PING && code > Scope.STARTUP)',
    replace: 'if (code > Scope.STARTUP)',
  },
  {
    rule: 'M4',
    name: 'answers HELLO with code 1',
    file: frames,
    find: 'encodeFrame({ type: FrameType.HELLO, idHigh,',
    replace: 'encodeFrame({ type: FrameType.HELLO, code: 1, idHigh,',
  },
  {
    rule: 'M5',
    name: 'refuses hints that it does not know',
    file: header,
    find: 'if ((flags & rules.unknownFlags[type]) !== 0)',
    replace:
      'if ((flags & (type === FrameType.PING ? rules.unknownFlags[type] : rules.unknownFlags[type] | 0xf0)) !== 0)',
  },
  {
    rule: 'M5',
    name: 'takes bit 7 for a critical flag',
    file: codes,
    find: 'export const CRITICAL_FLAGS = 0x0f;',
    replace: 'export const CRITICAL_FLAGS = 0x8f;',
  },
  {
    rule: 'M6',
    name: 'refuses unknown keys',
    file: bodies,
    find: 'for (const [key, read] of Object.entries(shape)) {',
    replace:
      "for (const key of Object.keys(body)) if (!Object.hasOwn(shape, key)) throw new BadBody('unknown key');\n    for (const [key, read] of Object.entries(shape)) {",
  },
];
