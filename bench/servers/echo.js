// Shows the cost of Node itself: answers each read with the same bytes in one write.
import { createServer } from 'node:net';
import { listening } from './listening.js';

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (bytes) => socket.write(bytes));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => listening(server.address().port));
