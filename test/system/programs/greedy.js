// Clients that send requests and never read: `greedy.js PLAN`, where PLAN is JSON with `to` {host, port}, `count`, and
// `flood`, hexadecimal bytes that each client sends as often as it can. The program reports when all are connected, and
// when all were closed, with the delays of the first and the last close.
import { connect } from 'node:net';
import { now, say } from './say.js';

const { to, count, flood } = JSON.parse(process.argv[2]);
const octets = Buffer.from(flood, 'hex');
const many = Buffer.concat(Array(Math.ceil(65_536 / octets.length)).fill(octets));

function greed() {
  const socket = connect(to).pause();
  const push = () => {
    while (!socket.destroyed && socket.write(many));
  };
  socket.on('drain', push);
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', () => resolve(now())));
  const connected = new Promise((resolve) => socket.once('connect', resolve));
  return { closed, connected, push };
}

const all = Array.from({ length: count }, greed);
await Promise.all(all.map(({ connected }) => connected));
const begun = now();
say('ready');
for (const { push } of all) push();
const ends = await Promise.all(all.map(({ closed }) => closed));
say('closed', { first: Math.min(...ends) - begun, last: Math.max(...ends) - begun });
