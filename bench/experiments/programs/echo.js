// What Node itself costs: a server that makes a PONG of whatever comes by one octet, and judges nothing.
import { createServer } from 'node:net';
import { onCommand, say } from '../../../test/system/programs/say.js';

let open = 0;
const server = createServer({ noDelay: true }, (socket) => {
  open++;
  socket.on('data', (octets) => {
    octets[5] = 2;
    socket.write(octets);
  });
  socket.on('error', () => socket.destroy());
});
onCommand(() => say('worked', { cpu: process.cpuUsage(), open, longest: 0 }));
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => say('listening', { port: server.address().port }));
