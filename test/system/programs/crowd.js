// Clients that connect and stay: `crowd.js PLAN`, where PLAN is JSON with `to` {host, port}, `count`, and `from`, their
// source address. Each sends a PING when it is connected. When all have been answered or refused, the program reports
// the outcomes. `leave` disconnects all.
import { connect } from 'node:net';
import { onCommand, say } from './say.js';

const { to, count, from } = JSON.parse(process.argv[2]);
/** Few enough concurrent connections that none waits for a place in the backlog. */
const AT_ONCE = 200;
const ping = Buffer.from('0000000c01010001a1a2a3a4a5a6a7a8', 'hex');
const standing = new Set();
const outcomes = { answered: 0, refused: 0, odd: [] };

/** Resolves with the first answer, or without one. */
function visit() {
  return new Promise((resolve) => {
    const socket = connect({ ...to, localAddress: from, noDelay: true }, () => socket.write(ping));
    let answer = '';
    const judge = () => {
      if (answer.slice(8, 12) === '0102') outcomes.answered++;
      else if (answer === '') outcomes.refused++;
      else outcomes.odd.push(answer);
      resolve();
    };
    standing.add(socket);
    socket.on('data', (octets) => {
      answer += octets.toString('hex');
      judge();
    });
    // A client that is refused after it has written gets a reset instead of the FIN.
    socket.on('error', ({ code }) => code === 'ECONNRESET' || code === 'EPIPE' || outcomes.odd.push(code));
    socket.on('close', () => {
      standing.delete(socket);
      if (answer === '') judge();
    });
  });
}

let left = count;
async function visits() {
  while (left-- > 0) await visit();
}
await Promise.all(Array.from({ length: AT_ONCE }, visits));
say('settled', outcomes);
onCommand(({ leave }) => {
  if (!leave) return;
  for (const socket of standing) socket.destroy();
  say('left');
});
