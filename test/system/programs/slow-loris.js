// Clients that never finish what they began: `slow-loris.js PLAN`, where PLAN is JSON with `to` {host, port}, `count`,
// and `beginning`, hexadecimal bytes of which each client sends one every `every` ms. When all were closed, the program
// reports for each the time since its first byte, in ms, and the codes of the ERRORs received.
import { connect } from 'node:net';
import { now, say } from './say.js';

const { to, count, beginning, every } = JSON.parse(process.argv[2]);
const octets = Buffer.from(beginning, 'hex');

function drip() {
  return new Promise((resolve) => {
    const socket = connect({ ...to, noDelay: true });
    let begun;
    let timer;
    let sent = 0;
    let code;
    const next = () => sent < octets.length && !socket.destroyed && socket.write(octets.subarray(sent, ++sent));
    socket.on('connect', () => {
      begun = now();
      next();
      timer = setInterval(next, every);
    });
    socket.on('data', (answer) => {
      code = answer[5] === 0x7f ? answer[7] : 'no ERROR';
    });
    const end = () => {
      clearInterval(timer);
      resolve({ lasted: now() - begun, code });
    };
    socket.on('end', end);
    socket.on('error', end);
  });
}

const visits = await Promise.all(Array.from({ length: count }, drip));
say('closed', {
  times: visits.map(({ lasted }) => lasted),
  codes: [...new Set(visits.map(({ code }) => code ?? null))],
});
