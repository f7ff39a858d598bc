// Clients under test, without any code of the project: `peers.js PLAN`. The program reports when all are connected, and
// each end. On request, it reports what it knows about each (`list`), or when each has received one more PONG
// (`awaitPongs`). PLAN is JSON with `to` {host, port}; `count`: number of clients; `socks` {host, port}: SOCKS5 proxy
// to use; `hello`: body of a HELLO; `pingEvery`: milliseconds between liveness PINGs, 0 = silent; `burst`: number of
// PINGs with DETAIL to send at the start; `spread`: time within which they start, in milliseconds.
import { connect } from 'node:net';
import { now, onCommand, say } from './say.js';

const { to, count = 1, socks, hello, pingEvery = 0, burst = 0, spread = 0 } = JSON.parse(process.argv[2]);
const peers = Array.from({ length: count }, (_, n) => ({
  n,
  pings: 0,
  pongs: 0,
  answered: 0,
  goaways: 0,
  errors: [],
  at: 0,
}));

/** The status with which the clients answer PINGs: pass, or fail after the command `failing`. */
let status = 1;

function frame(type, code, body, flags = 0) {
  const text = body === undefined ? '' : JSON.stringify(body);
  const octets = Buffer.alloc(16 + Buffer.byteLength(text));
  octets.writeUInt32BE(octets.length - 4);
  octets.set([1, type, flags, code], 4);
  octets.write(text, 16);
  return octets;
}

function send(peer, octets) {
  peer.sentAt = now();
  peer.socket.write(octets);
}

function judge(peer, octets) {
  const [, type, , code] = octets.subarray(4, 8);
  if (type === 1) {
    const pong = frame(2, status);
    octets.copy(pong, 8, 8, 16);
    peer.answered++;
    send(peer, pong);
  } else if (type === 2) {
    peer.pongs++;
    peer.onPong?.();
  } else if (type === 5) peer.hello?.();
  else if (type === 6) peer.goaways++;
  else if (type === 0x7f) peer.errors.push(code);
}

function read(peer, chunk) {
  let rest = peer.rest ? Buffer.concat([peer.rest, chunk]) : chunk;
  while (rest.length >= 16 && rest.length >= rest.readUInt32BE() + 4) {
    const octets = rest.readUInt32BE() + 4;
    judge(peer, rest.subarray(0, octets));
    rest = rest.subarray(octets);
  }
  peer.rest = rest;
}

const next = (socket) => new Promise((resolve) => socket.once('data', resolve));

/** RFC 1928: no authentication, CONNECT to an IPv4 address. */
async function throughSocks(socket) {
  socket.write(Buffer.from([5, 1, 0]));
  await next(socket);
  const [high, low] = [to.port >> 8, to.port & 255];
  socket.write(Buffer.from([5, 1, 0, 1, ...to.host.split('.').map(Number), high, low]));
  if ((await next(socket))[1] !== 0) throw new Error('the SOCKS proxy refused');
}

async function start(peer) {
  if (spread > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * spread));
  peer.at = now();
  peer.sentAt = peer.at;
  peer.socket = connect({ ...(socks ?? to), noDelay: true });
  peer.socket.on('error', ({ code }) => {
    peer.error = code;
  });
  await new Promise((resolve) => peer.socket.once('connect', resolve));
  if (socks) await throughSocks(peer.socket);
  peer.socket.on('data', (chunk) => read(peer, chunk));
  peer.socket.on('close', () => {
    clearInterval(peer.timer);
    say('closed', told(peer));
  });
  if (hello) {
    const answered = new Promise((resolve) => {
      peer.hello = resolve;
    });
    send(peer, frame(5, 0, hello));
    await answered;
  }
  for (let n = 0; n < burst; n++) send(peer, frame(1, 0, undefined, 1));
  if (pingEvery > 0) {
    peer.timer = setInterval(() => {
      peer.pings++;
      send(peer, frame(1, 1));
    }, pingEvery);
  }
}

/** What is known about a peer. `port` is its local port, so that a fault can affect this peer alone. */
function told({ n, at, sentAt, socket, pings, pongs, answered, goaways, errors, error }) {
  return { n, startedAt: at, sentAt, port: socket.localPort, pings, pongs, answered, goaways, errors, error };
}

await Promise.all(peers.map(start));
say('up', { peers: peers.map(told) });
onCommand(({ list, awaitPongs, failing }) => {
  if (failing) status = 3;
  if (list) say('peers', { peers: peers.map(told) });
  if (awaitPongs) {
    const next = peers.map(
      (peer) =>
        new Promise((resolve) => {
          peer.onPong = resolve;
        }),
    );
    Promise.all(next).then(() => say('ponged'));
  }
});
