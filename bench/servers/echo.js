// The floor: what Node itself costs. Answers each read with the same octets in one write.
import { createServer } from 'node:net';
import { listening } from './listening.js';

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (octets) => socket.write(octets));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => listening(server.address().port));
