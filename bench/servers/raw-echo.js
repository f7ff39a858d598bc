// Writes to the handle below the stream, which Node does not document, and reads like `echo.js`. It has no
// backpressure, and exits if the kernel does not accept a whole write.
import { createServer } from 'node:net';
import { listening } from './listening.js';

const { WriteWrap, streamBaseState, kLastWriteWasAsync } = process.binding('stream_wrap');

const server = createServer({ noDelay: true }, (socket) => {
  const { _handle: handle } = socket;
  socket.on('data', (bytes) => {
    if (handle.writeBuffer(new WriteWrap(), bytes) !== 0 || streamBaseState[kLastWriteWasAsync] !== 0) process.exit(1);
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => listening(server.address().port));
