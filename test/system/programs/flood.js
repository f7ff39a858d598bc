// Clients that send too much: `flood.js PLAN`, where PLAN is JSON with `to` {host, port}, `count`, and `pings`. Each
// client sends this many bare PINGs as fast as they are accepted, and ends when the server has ended. For each one, the
// program reports the number of PONGs, the code of the ERROR and its `retryAfterMs`, and how the connection ended.
import { connect } from 'node:net';
import { say } from './say.js';

const { to, count, pings } = JSON.parse(process.argv[2]);
const many = Buffer.from('0000000c01010000a1a2a3a4a5a6a7a8'.repeat(pings), 'hex');

function flood() {
  return new Promise((resolve) => {
    const socket = connect({ ...to, allowHalfOpen: true });
    let rest = Buffer.alloc(0);
    const told = { pongs: 0 };
    socket.write(many);
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= 16; rest = rest.subarray(4 + rest.readUInt32BE())) {
        if (rest[5] === 2) told.pongs++;
        else {
          told.error = rest[7];
          told.retryAfterMs = JSON.parse(rest.subarray(16)).retryAfterMs;
        }
      }
    });
    socket.on('end', () => {
      told.fin = true;
      socket.end();
    });
    socket.on('error', ({ code }) => {
      told.broken = code;
    });
    socket.on('close', () => resolve(told));
  });
}

say('flooded', { floods: await Promise.all(Array.from({ length: count }, flood)) });
