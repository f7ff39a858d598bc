// The echo on the sockets of Bun. A write that the kernel does not take whole ends it.
import { listening } from './listening.js';

globalThis.gc ??= () => Bun.gc(true);
const { port } = Bun.listen({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    open: (socket) => void socket.setNoDelay(true),
    data(socket, bytes) {
      if (socket.write(bytes) !== bytes.length) process.exit(1);
    },
    error: (socket) => socket.terminate(),
  },
});
listening(port);
