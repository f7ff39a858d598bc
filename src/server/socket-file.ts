import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { PongcheckError } from '../errors.js';

/**
 * Makes room for a Unix socket at `path`: a file that a process left behind which is gone is
 * removed. Throws PONGCHECK_LISTEN where a process listens there, or where the file is no socket.
 */
export async function makeRoom(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw refusal(path, error.message, error);
  });
  if (found === undefined) return;
  if (!found.isSocket()) throw refusal(path, 'there is a file that is no socket');
  if (await isLive(path)) throw refusal(path, 'another process listens there');
  await unlink(path);
}

/** Sets who may connect: `mode` as chmod takes it. */
export async function setMode(path: string, mode: number): Promise<void> {
  await chmod(path, mode);
}

function isLive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(refusal(path, error.message, error));
    });
  });
}

function refusal(path: string, why: string, cause?: Error): PongcheckError {
  return new PongcheckError('PONGCHECK_LISTEN', `cannot listen on pong+unix:${path}: ${why}`, { cause });
}
