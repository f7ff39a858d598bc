// An echo server on Bun's sockets. It exits if the kernel does not accept a whole write.
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
