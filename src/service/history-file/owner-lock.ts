import { createServer, type Server } from 'node:net';
import { bindSocketFile } from '../../server/sockets/unix-socket.js';

/**
 * Maximum length of a Unix socket path that all systems support, in bytes. A longer path would be truncated without an
 * error.
 */
const MAX_PATH_BYTES = 103;

/**
 * Makes this process the only owner of `file`: it listens on the Unix socket `file`.owner. The kernel closes the socket
 * when the process ends for any reason. This shows whether another owner is alive without process ids or timestamps,
 * and also works between containers that share the folder.
 *
 * @returns (resolves) a function that ends the ownership.
 * @throws Error (rejects) if another process is the owner, or the socket cannot be opened.
 */
export async function ownFile(file: string): Promise<() => Promise<void>> {
  const path = `${file}.owner`;
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw new Error(`the path ${path} has more than ${MAX_PATH_BYTES} bytes`);
  const server = createServer((socket) => socket.destroy());
  try {
    await bindSocketFile(path, () => listen(server, path));
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    throw Object.assign(new Error(`${path}: ${message}`), { code });
  }
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
