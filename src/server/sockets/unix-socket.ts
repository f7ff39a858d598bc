import { randomBytes } from 'node:crypto';
import { lstatSync, type Stats } from 'node:fs';
import { chmod, link, lstat, open, rename, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../common/clock.js';
import { PongcheckError } from '../../common/errors.js';

/** A lock is held for a few system calls; one that stays for longer was left behind by a process that ended in between. */
const LOCK_LIFE_MS = 1000;
const LOCK_RETRY_MS = 10;
/** How often a lock is tried for: for 6 s at least, within which one that was left behind expires. */
const MAX_TRIES = 600;

/**
 * Opens a Unix socket at `path` with `listen`, which binds it before it returns its promise, in the place of a file
 * that a process left behind which is gone. Of several processes that do so at once one succeeds: from the look at the
 * file until the socket listens a process holds `path`.lock.
 *
 * @throws PongcheckError `PONGCHECK_LISTEN` where a process listens there, or where the file is no socket.
 */
export async function openSocketFile(path: string, listen: () => Promise<void>): Promise<void> {
  try {
    const lock = await Lock.acquire(`${path}.lock`);
    try {
      if (!lock) throw refusal(path, 'another process is opening it');
      await removeStale(path);
      if (!lock.isHeld()) throw refusal(path, 'another process is opening it');
      await listen();
    } finally {
      await lock?.release();
    }
  } catch (error) {
    throw error instanceof PongcheckError ? error : refusal(path, (error as Error).message, error as Error);
  }
}

/** Sets who may connect: `mode` as chmod takes it. */
export async function setMode(path: string, mode: number): Promise<void> {
  await chmod(path, mode);
}

async function removeStale(path: string): Promise<void> {
  const found = await unlessMissing(lstat(path));
  if (found === undefined) return;
  if (!found.isSocket()) throw refusal(path, 'there is a file that is no socket');
  if (await isLive(path)) throw refusal(path, 'another process listens there');
  await unlessMissing(unlink(path));
}

/** A file that one process at a time creates. */
class Lock {
  private constructor(
    private readonly file: string,
    private readonly own: Stats,
  ) {}

  /** Resolves with undefined where others held it all the time. */
  static async acquire(file: string): Promise<Lock | undefined> {
    let seen: Stats | undefined;
    let seenAt = 0;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const own = await create(file);
      if (own) return new Lock(file, own);
      const found = await unlessMissing(lstat(file));
      if (!found || !seen || !isSame(found, seen)) {
        seen = found;
        seenAt = systemClock.now();
      } else if (systemClock.now() - seenAt > LOCK_LIFE_MS) {
        await remove(file, found);
      }
      await delay(LOCK_RETRY_MS);
    }
    return undefined;
  }

  /** False where this process stood still for so long that another one took the lock for left behind. */
  isHeld(): boolean {
    const found = lstatSync(this.file, { throwIfNoEntry: false });
    return found !== undefined && isSame(found, this.own);
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

/** Removes the lock that was looked at: another one that stands in its place meanwhile is put back. */
async function remove(file: string, seen: Stats): Promise<void> {
  const taken = `${file}-${randomBytes(8).toString('hex')}`;
  await unlessMissing(rename(file, taken));
  const found = await unlessMissing(lstat(taken));
  if (found && !isSame(found, seen)) await link(taken, file).catch(() => {});
  await unlessMissing(unlink(taken));
}

/** A number of a file is used again soon; with the same moment it is not. */
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

/** Whether a process listens there; one with a full backlog (EAGAIN) does. */
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

function refusal(path: string, why: string, cause?: Error): PongcheckError {
  return new PongcheckError('PONGCHECK_LISTEN', `cannot listen on pong+unix:${path}: ${why}`, { cause });
}
