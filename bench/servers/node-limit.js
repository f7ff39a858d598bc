// Shows the limit of Node: an echo server without streams and `node:net` sockets. It reads into one buffer and writes
// to the handle, which Node does not document. It has no backpressure and no error handling, and exits if the kernel
// does not accept a whole write.
import { createServer } from 'node:net';
import { listening } from './listening.js';

const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = process.binding('stream_wrap');
const buffer = Buffer.allocUnsafeSlow(65_536);
const request = new WriteWrap();
let view = buffer;

function onread() {
  const length = streamBaseState[kReadBytesOrError];
  if (length === 0) return;
  if (length < 0) return this.close();
  if (view.length !== length) view = buffer.subarray(0, length);
  if (this.writeBuffer(request, view) !== 0 || streamBaseState[kLastWriteWasAsync] !== 0) process.exit(1);
}

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  server._handle.onconnection = (_error, handle) => {
    handle.setNoDelay(true);
    handle.useUserBuffer(buffer);
    handle.onread = onread;
    handle.readStart();
  };
  listening(server.address().port);
});
