// Sends one kind of request after another at a fixed rate: `requests.js PLAN`, where PLAN is JSON with `host` and the
// ports `pong` and `http`. On the command `send` {kind, every, count}, it reports when all requests are answered, how
// many answers were not as expected, and the size of the last answer in bytes.
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { now, onCommand, say } from '../../../test/system/programs/say.js';

const { host, pong, http } = JSON.parse(process.argv[2]);
const PING = Buffer.from('0000000c010100000000000000000000', 'hex');
const keepAlive = new Agent({ keepAlive: true, maxSockets: 1 });

/** The answer to `bytes` on a separate connection, which the responder or this client closes. */
function exchange(bytes, ends) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: pong, noDelay: true }, () => socket.write(bytes));
    let answer = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (ends(answer)) socket.end();
    });
    socket.on('close', () => resolve(answer));
  });
}

let open;
/** The answer to a PING on a connection that stays open. */
async function ping() {
  open ??= await new Promise((resolve) => {
    const socket = connect({ host, port: pong, noDelay: true }, () => resolve(socket));
  });
  open.write(PING);
  return new Promise((resolve) => open.once('data', resolve));
}

function request(path, options) {
  return new Promise((resolve, reject) => {
    get({ host, port: http, path, ...options }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
        else resolve(Buffer.concat(chunks));
      });
    }).on('error', reject);
  });
}

const kinds = {
  ping,
  line: () => exchange('ping\n', (answer) => answer.includes('\n')),
  readyz: () => request('/readyz', { agent: false }),
  metrics: () => request('/metrics', { agent: keepAlive, headers: { 'accept-encoding': 'gzip' } }),
};

onCommand(async ({ send: { kind, every, count } }) => {
  let wrong = 0;
  let bytes = 0;
  const answers = [];
  const begun = now();
  for (let n = 0; n < count; n++) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, begun + n * every - now())));
    answers.push(
      kinds[kind]().then(
        (answer) => {
          bytes = answer.length;
        },
        () => wrong++,
      ),
    );
  }
  await Promise.all(answers);
  say('sent', { wrong, bytes });
});
say('ready');
