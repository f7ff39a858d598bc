// This package's responder behind a relay that alters its output, as a command for `conformance --start`: node
// altered-responder.js ALTERATION REFERENCE SETTINGS PORT
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

const [, , alteration, reference, settings, port] = process.argv;
const frame = (type, code, id, body = '') => {
  const header = Buffer.from('0000000001000000', 'hex');
  header.writeUInt32BE(12 + body.length);
  header[5] = type;
  header[7] = code;
  return Buffer.concat([header, id, Buffer.from(body)]);
};
const unknown = frame(0x90, 7, Buffer.alloc(8), '{"any":"body"}');
const alterations = {
  'unknown types': (own) => Buffer.concat([unknown, own, unknown]),
  'ERROR 7 for unknown names': (own) => (own[5] === 4 && own[7] === 6 ? frame(0x7f, 7, own.subarray(8, 16)) : own),
  'ends at a STATUS': (own) => (own[5] === 4 ? crash() : own),
  'ignores SIGTERM': (own) => own,
  'no control': (own) => own,
  'unsupported steps': (own) => own,
  'unsupported settings': (own) => own,
};
const crash = () => {
  process.stderr.write('panic: no STATUS\n');
  process.exit(2);
};
const alter = alterations[alteration];

if (alteration === 'unsupported settings' && JSON.parse(readFileSync(settings, 'utf8')).proxyProtocol) {
  process.stderr.write('proxyProtocol is not supported\n');
  process.exit(77);
}
if (alteration === 'ignores SIGTERM') {
  process.on('SIGTERM', () => {});
  writeFileSync(process.env.PID_FILE, String(process.pid));
}

/** This port is free, because the parent uses 20000 to 31999. */
const ownPort = Number(port) - 12_000;
const own = spawn(process.execPath, [reference, settings, String(ownPort)], { stdio: ['pipe', 'inherit', 'inherit'] });
process.on('exit', () => own.kill('SIGKILL'));
process.stdin.on('data', (line) => {
  if (alteration === 'unsupported steps') process.stdout.write('{"unsupported":true}\n');
  else if (alteration !== 'no control') own.stdin.write(line);
});

const isListening = () =>
  new Promise((resolve) => {
    const socket = connect(ownPort, '127.0.0.1', () => resolve(socket.destroy()));
    socket.on('error', () => resolve(undefined));
  });
while (!(await isListening())) await new Promise((resolve) => setTimeout(resolve, 10));

createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const server = connect({ port: ownPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  for (const [one, other] of [
    [client, server],
    [server, client],
  ])
    one
      .on('error', () => {})
      .on('end', () => other.end())
      .on('close', () => other.destroy());
  client.on('data', (octets) => server.write(octets)).on('drain', () => server.resume());
  let octets = Buffer.alloc(0);
  server.on('data', (chunk) => {
    if (chunk[0] !== 0 && octets.length === 0) return client.write(chunk);
    octets = Buffer.concat([octets, chunk]);
    while (octets.length >= 4 && octets.length >= octets.readUInt32BE(0) + 4) {
      const end = octets.readUInt32BE(0) + 4;
      if (!client.write(alter(octets.subarray(0, end)))) server.pause();
      octets = octets.subarray(end);
    }
    return undefined;
  });
}).listen(Number(port), '127.0.0.1');
