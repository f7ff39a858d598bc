// A well-behaved client: `steady.js PLAN`, where PLAN is JSON with `to` {host, port} and `every`, the milliseconds
// between two PINGs, regardless of the answers. On the command `tell`, it reports the round-trip times since the
// previous command in ms, the number of PONGs that were not pass, and the number of late ones.
import { connect } from 'node:net';
import { now, onCommand, say } from './say.js';

const { to, every } = JSON.parse(process.argv[2]);
const sentAt = new Map();
let times = [];
let wrong = 0;
let last = 0;
let rest = Buffer.alloc(0);

const socket = connect({ ...to, noDelay: true });
socket.on('data', (chunk) => {
  const at = now();
  rest = Buffer.concat([rest, chunk]);
  for (; rest.length >= 16; rest = rest.subarray(16)) {
    const id = rest.readUInt32BE(12);
    if (rest.toString('hex', 0, 8) !== '0000000c01020001' || !sentAt.has(id)) wrong++;
    else times.push(at - sentAt.get(id));
    sentAt.delete(id);
  }
});
socket.on('close', () => say('closed'));
socket.on('error', ({ code }) => say('broken', { code }));
socket.on('connect', () => {
  setInterval(() => {
    const ping = Buffer.from('0000000c010100000000000000000000', 'hex');
    ping.writeUInt32BE(++last, 12);
    sentAt.set(last, now());
    socket.write(ping);
  }, every);
  say('ready');
});
onCommand(({ tell }) => {
  if (!tell) return;
  const late = [...sentAt.values()].filter((at) => now() - at > 1000).length;
  say('told', { times, wrong, late });
  times = [];
});
