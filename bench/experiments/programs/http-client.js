// An HTTP client without a library: `http-client.js PLAN`, where PLAN is JSON with `to` {host, port}, `version`,
// `connection` (value of the header, which is omitted if undefined), `requests`, and `leaves` (the client closes after
// each response). It reports the number of connections used.
import { connect } from 'node:net';
import { say } from '../../../test/system/programs/say.js';

const { to, version, connection, requests, leaves = false } = JSON.parse(process.argv[2]);
const header = connection ? `Connection: ${connection}\r\n` : '';
const request = `GET /livez HTTP/${version}\r\nHost: ${to.host}\r\n${header}\r\n`;
const event = (socket, name) => new Promise((resolve) => socket.once(name, resolve));

let connections = 0;
async function opened() {
  connections++;
  const socket = connect({ ...to, noDelay: true });
  await event(socket, 'connect');
  return socket;
}

/** Reads one response. Returns its head. */
async function answer(socket) {
  let text = '';
  for (;;) {
    text += await event(socket, 'data');
    const [head, body] = text.split('\r\n\r\n');
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
    if (body !== undefined && body.length >= length) return head;
  }
}

let socket;
for (let n = 0; n < requests; n++) {
  socket ??= await opened();
  socket.write(request);
  const serverLeaves = /^connection: close/im.test(await answer(socket));
  if (!leaves && !serverLeaves) continue;
  if (leaves) socket.end();
  await event(socket, 'close');
  socket = undefined;
}
say('done', { connections, kept: socket !== undefined });
// Keeps open connections until the experiment has inspected them.
setInterval(() => {}, 2 ** 30);
