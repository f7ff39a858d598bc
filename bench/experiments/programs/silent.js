// Accepts connections on every address of this host and never answers, like a frozen process.
import { createServer } from 'node:net';

const server = createServer({ allowHalfOpen: false }, (socket) => {
  socket.on('error', () => {});
  socket.resume();
});
server.listen(0, '0.0.0.0', () => {
  process.stdout.write(`${JSON.stringify({ event: 'listening', port: server.address().port })}\n`);
});
