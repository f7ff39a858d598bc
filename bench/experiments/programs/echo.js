// Shows the cost of Node itself: a server that turns each read into a PONG by changing one byte, and validates nothing.
import { createServer } from 'node:net';
import { onCommand, say } from '../../../test/system/programs/say.js';

let open = 0;
const server = createServer({ noDelay: true }, (socket) => {
  open++;
  socket.on('data', (bytes) => {
    bytes[5] = 2;
    socket.write(bytes);
  });
  socket.on('error', () => socket.destroy());
});
onCommand(() => say('worked', { cpu: process.cpuUsage(), open, longest: 0 }));
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => say('listening', { port: server.address().port }));
