import { randomBytes } from 'node:crypto';
import { lstatSync, type Stats } from 'node:fs';
import { chmod, link, lstat, open, rename, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../common/clock.js';
import { PongcheckError } from '../../common/errors.js';

/**
 * Maximum age of a lock, in milliseconds. It is held for a few system calls, so an older one was left by a process that
 * has ended.
 */
const LOCK_LIFE_MS = 1000;
const LOCK_RETRY_MS = 10;
/** Maximum number of attempts to acquire the lock. They take at least 6 s, in which a stale lock expires. */
const MAX_TRIES = 600;
const OPENING = 'another process is opening it';

/**
 * Opens a Unix socket at `path` and replaces a stale socket file. If several processes do this at the same time, one of
 * them succeeds, because each holds `path`.lock from the check of the file until the socket listens.
 *
 * @param listen must bind the socket before it returns its promise
 * @throws PongcheckError `PONGCHECK_LISTEN` if a process listens at `path`, or if the file is not a socket.
 */
export async function openSocketFile(path: string, listen: () => Promise<unknown>): Promise<void> {
  try {
    await bindSocketFile(path, listen);
  } catch (error) {
    throw error instanceof PongcheckError ? error : listenError(path, error as Error);
  }
}

/** Like `openSocketFile`, but throws errors that only state the reason. */
export async function bindSocketFile(path: string, listen: () => Promise<unknown>): Promise<void> {
  const lock = await Lock.acquire(`${path}.lock`);
  try {
    if (!lock) throw new Error(OPENING);
    await removeStaleSocket(path);
    if (!lock.isHeld()) throw new Error(OPENING);
    await listen();
  } finally {
    await lock?.release();
  }
}

/** Sets the file mode of the socket, which determines which users may connect. */
export async function setMode(path: string, mode: number): Promise<void> {
  await chmod(path, mode);
}

async function removeStaleSocket(path: string): Promise<void> {
  const stats = await unlessMissing(lstat(path));
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new Error('the file exists and is not a socket');
  if (await isLive(path)) throw new Error('another process is listening on it');
  await unlessMissing(unlink(path));
}

/** A lock file. The process that creates it holds the lock. */
class Lock {
  private constructor(
    private readonly file: string,
    private readonly own: Stats,
  ) {}

  /** Resolves with undefined if other processes held the lock the whole time. */
  static async acquire(file: string): Promise<Lock | undefined> {
    let seen: Stats | undefined;
    let seenAt = 0;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const own = await create(file);
      if (own) return new Lock(file, own);
      const current = await unlessMissing(lstat(file));
      if (!current || !seen || !isSame(current, seen)) {
        seen = current;
        seenAt = systemClock.now();
      } else if (systemClock.now() - seenAt > LOCK_LIFE_MS) {
        await remove(file, current);
      }
      await delay(LOCK_RETRY_MS);
    }
    return undefined;
  }

  /** Returns false if this process was blocked for so long that another process removed its lock as stale. */
  isHeld(): boolean {
    const current = lstatSync(this.file, { throwIfNoEntry: false });
    return current !== undefined && isSame(current, this.own);
  }

  async release(): Promise<void> {
    await remove(this.file, this.own);
  }
}

async function create(file: string): Promise<Stats | undefined> {
  try {
    const handle = await open(file, 'wx');
    try {
      return await handle.stat();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
}

/** Removes the lock file `seen`. If a newer one has replaced it, the newer one is restored. */
async function remove(file: string, seen: Stats): Promise<void> {
  const moved = `${file}-${randomBytes(8).toString('hex')}`;
  await unlessMissing(rename(file, moved));
  const current = await unlessMissing(lstat(moved));
  if (current && !isSame(current, seen)) await link(moved, file).catch(() => {});
  await unlessMissing(unlink(moved));
}

/** Inode numbers are soon reused, but not with the same modification time. */
function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.mtimeMs === other.mtimeMs;
}

async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether a process is listening at `path`, even with a full backlog (EAGAIN). */
function isLive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

function listenError(path: string, cause: Error): PongcheckError {
  return new PongcheckError('PONGCHECK_LISTEN', `cannot listen on pong+unix:${path}: ${cause.message}`, { cause });
}
