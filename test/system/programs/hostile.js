// Hostile clients: `hostile.js PLAN`, where PLAN is JSON with `to` {host, port} and `seed`. On the command `attack`,
// this many clients connect, at most `perSecond` per second. They send data that is random, truncated, damaged or mixed
// from two senders, in pieces, and disconnect in every possible way. The program reports when all are gone, and what
// they received.
import { connect } from 'node:net';
import { onCommand, say } from './say.js';

const { to, seed } = JSON.parse(process.argv[2]);
/** Fraction of clients that wait for the server to end the connection. */
const PATIENT = 0.01;
const AT_ONCE = 500;

let state = seed;
/** From 0 to 1, the same sequence in each run. */
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}
const below = (most) => Math.floor(random() * most);
const one = (list) => list[below(list.length)];
const noise = (most) => Buffer.from(Array.from({ length: below(most) }, () => below(256)));

function frame(type, { flags = 0, code = 0, body } = {}) {
  const text = body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
  const octets = Buffer.alloc(16);
  octets.writeUInt32BE(12 + text.length);
  octets.set([1, type, flags, code], 4);
  for (let at = 8; at < 16; at++) octets[at] = below(256);
  return Buffer.concat([octets, text]);
}

const bodies = [
  undefined,
  { checks: ['wedge'] },
  { group: 'all', maxAgeMs: 0 },
  { checks: 'wedge' },
  { timeoutMs: -1 },
];
const sound = [
  () => frame(1, { code: below(3) }),
  () => frame(1, { flags: 1, body: one(bodies) }),
  () => frame(1, { flags: one([0, 1, 2, 3]), code: below(4), body: one(bodies) }),
  () => frame(3, { flags: one([0, 1, 2]) }),
  () =>
    frame(5, { body: { name: 'x'.repeat(below(5000)), heartbeat: { canSendMs: below(1000), wantMs: below(1000) } } }),
  () => frame(6),
  () => frame(0x7f, { code: below(20), body: { message: 'you are wrong' } }),
  () => frame(below(256), { flags: below(256), code: below(256) }),
  () => Buffer.from('\n'),
];
const frames = (most) => Buffer.concat(Array.from({ length: 1 + below(most) }, () => one(sound)()));
const kinds = {
  random: () => noise(400),
  'random behind a 00': () => Buffer.concat([Buffer.of(0), noise(100)]),
  truncated: () => {
    const all = frames(6);
    return all.subarray(0, 1 + below(all.length));
  },
  mutated: () => {
    const all = frames(6);
    for (let n = below(4); n >= 0; n--) all[below(all.length)] = below(256);
    return all;
  },
  interleaved: () => {
    const [a, b] = [frames(4), frames(4)];
    const at = below(Math.min(a.length, b.length));
    return Buffer.concat([a.subarray(0, at), b.subarray(0, at), a.subarray(at), b.subarray(at)]);
  },
  lines: () =>
    Buffer.from(one(['ping\n', 'agent\n', 'ping\r\nping\n', 'GET / HTTP/1.1\r\n\r\n', 'p'.repeat(70), 'pin'])),
};

let outcomes;
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function visit() {
  const octets = kinds[one(Object.keys(kinds))]();
  const leave = random() < PATIENT ? undefined : one(['end', 'destroy', 'resetAndDestroy']);
  const socket = connect({ ...to, noDelay: true });
  let answer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    if (answer.length < 1_000_000) answer = Buffer.concat([answer, chunk]);
  });
  socket.on('error', ({ code }) => {
    outcomes.errors[code] = (outcomes.errors[code] ?? 0) + 1;
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  for (let at = 0; at < octets.length && !socket.destroyed; ) {
    const end = at + 1 + below(octets.length);
    socket.write(octets.subarray(at, end));
    at = end;
    await turn();
  }
  if (leave && !socket.destroyed) socket[leave]();
  await closed;
  judge(answer);
}

/** Counts the answers by type, and the ERRORs by code. */
function judge(answer) {
  if (answer[0] !== 0) {
    outcomes.words += answer.length > 0 ? 1 : 0;
    return;
  }
  for (let at = 0; at + 16 <= answer.length; at += 4 + answer.readUInt32BE(at)) {
    const [type, , code] = answer.subarray(at + 5, at + 8);
    const name = type === 0x7f ? `ERROR ${code}` : `type ${type}`;
    outcomes.frames[name] = (outcomes.frames[name] ?? 0) + 1;
  }
}

onCommand(async ({ attack, perSecond }) => {
  outcomes = { frames: {}, errors: {}, words: 0 };
  const begun = performance.now();
  const running = new Set();
  for (let started = 0; started < attack; ) {
    const due = Math.min(attack, ((performance.now() - begun) * perSecond) / 1000);
    for (; started < due && running.size < AT_ONCE; started++) {
      const visiting = visit().then(() => running.delete(visiting));
      running.add(visiting);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const lasted = performance.now() - begun;
  await Promise.all(running);
  say('gone', { ...outcomes, lasted });
});
say('ready');
