import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from '../../common/clock.js';
import type { Log } from '../../common/log.js';
import { withTimeout } from '../../common/with-timeout.js';
import type { HealthHistory } from '../../health/history/health-history.js';
import { checkKey, groupKey, MAX_SLOTS } from '../../health/history/recorder.js';
import { MINUTE_MS } from '../../health/history/slot.js';
import { type Damage, decodeHistory, HistoryEncoder } from './format.js';
import { ownFile } from './owner-lock.js';

/** Maximum size of the file, in bytes. While it is rewritten, a second file exists. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Maximum size of a rewritten file, as a fraction of `MAX_BYTES`. The oldest minutes are omitted if necessary. */
const REWRITTEN_PART = 7 / 8;
/** The file is rewritten when it contains this number of minutes, half of which are too old. */
const MAX_MINUTES = 2 * MAX_SLOTS;
/** Size of one write, in bytes. */
const WRITE_BYTES = 64 * 1024;
/** Maximum time of work before the event loop gets a turn, in milliseconds. */
const BATCH_MS = 4;
/** Interval at which a persistent problem is logged again: one day, in milliseconds. */
const WARN_INTERVAL_MS = 86_400_000;
/** Maximum time that the exit of the process waits for the last write, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * Keeps a history in a file. `start` adds the contents of the file to the history. Finished minutes are then appended
 * to the file. The file is rewritten at the start and before it becomes too large: a new file replaces it when it is
 * complete. File errors are logged and have no other effect. Writing is retried every minute.
 */
export class HistoryFile {
  private release: (() => Promise<void>) | undefined;
  private hasLoaded = false;
  /** The file to append to; undefined if it must be rewritten first. */
  private current: WrittenFile | undefined;
  private timer: Timer;
  private working: Promise<void> = Promise.resolve();
  private problem: { readonly kind: string; readonly at: number } | undefined;

  constructor(
    private readonly path: string,
    private readonly history: HealthHistory,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly maxBytes = MAX_BYTES,
  ) {}

  /** Starts reading and writing in the background. */
  start(): void {
    this.run(() => this.load());
    this.schedule();
  }

  /** Writes everything up to now, for at most a second. Never rejects. Has no effect before `start`. */
  async close(): Promise<void> {
    if (this.timer === undefined) return;
    this.clock.clear(this.timer);
    await withTimeout(
      this.clock,
      CLOSE_TIMEOUT_MS,
      this.run(() => this.end()),
    );
  }

  private schedule(): void {
    this.timer = this.clock.after(MINUTE_MS, () => {
      this.run(() => this.save(this.minute - 1));
      this.schedule();
    });
  }

  /** The current minute, counted from 1970. */
  private get minute(): number {
    return this.history.minute / MINUTE_MS;
  }

  /** Runs `work` after all work that was started earlier. Never rejects. */
  private run(work: () => Promise<void>): Promise<void> {
    this.working = this.working.then(work).catch((error: NodeJS.ErrnoException) => this.warn(error));
    return this.working;
  }

  private warn({ message, code }: NodeJS.ErrnoException): void {
    const [kind, at] = [code ?? message, this.clock.now()];
    if (this.problem?.kind === kind && at - this.problem.at < WARN_INTERVAL_MS) return;
    this.problem = { kind, at };
    this.log.warn(
      { file: this.path, ...(code !== undefined && { code }) },
      `history.file ${this.path} cannot be used at the moment, so the history would not survive a restart: ${message}`,
    );
  }

  // The following methods are called only by `run`, one at a time.

  /** Becomes the owner of the file, and adds its minutes to the history. */
  private async load(): Promise<void> {
    this.release ??= await ownFile(this.path);
    if (this.hasLoaded) return;
    const bytes = await read(this.path);
    const damage = bytes && (await this.restore(bytes));
    this.hasLoaded = true;
    if (damage !== undefined && damage !== 'torn') await this.putAside(damage.broken);
  }

  private async restore(bytes: Buffer | 'too large'): Promise<Damage | undefined> {
    if (bytes === 'too large') return { broken: 'it is too large' };
    if (bytes.length === 0) return undefined;
    const { checks, groups, recorder } = this.history;
    const wanted = new Set([...checks.map(checkKey), ...groups.map(groupKey)]);
    const minutes = decodeHistory(bytes);
    const pause = this.pauses();
    for (;;) {
      const { done, value } = minutes.next();
      if (done) return value;
      recorder.restore(
        value.minute,
        value.slots.filter(([key]) => wanted.has(key)),
      );
      await pause();
    }
  }

  /** Returns a function to call often during long work. The function yields to the event loop every 4 ms. */
  private pauses(): () => Promise<void> {
    let turnEndsAt = this.clock.now() + BATCH_MS;
    return async () => {
      if (this.clock.now() < turnEndsAt) return;
      await nextTurn();
      turnEndsAt = this.clock.now() + BATCH_MS;
    };
  }

  private async putAside(why: string): Promise<void> {
    const aside = `${this.path}.broken`;
    await rename(this.path, aside);
    this.log.warn({ file: this.path, aside }, `history.file ${this.path} was renamed to ${aside}: ${why}`);
  }

  /** Writes what has not been written yet, up to this minute. */
  private async save(last: number): Promise<void> {
    await this.load();
    if (await this.append(last)) return;
    await this.abandon();
    await this.rewrite(last);
  }

  private async end(): Promise<void> {
    try {
      await this.save(this.minute);
    } finally {
      await this.abandon();
      await this.release?.();
    }
  }

  /** Resolves with false if the file must be rewritten. */
  private async append(last: number): Promise<boolean> {
    const { current } = this;
    // After the clock was set back, the file contains minutes that must be written again.
    if (!current || last < current.last) return false;
    const parts: Buffer[] = [];
    const pause = this.pauses();
    for (let minute = Math.max(current.last, last - MAX_SLOTS) + 1; minute <= last; minute++) {
      parts.push(this.encode(current, minute));
      await pause();
    }
    const added = Buffer.concat(parts);
    if (current.size + added.length > this.maxBytes || current.minutes + parts.length > MAX_MINUTES) return false;
    try {
      await current.write(added);
    } catch (error) {
      // The file may end in the middle of a record, after which nothing can be appended.
      await this.abandon();
      throw error;
    }
    current.minutes += parts.length;
    current.last = last;
    return true;
  }

  private async rewrite(last: number): Promise<void> {
    const temporary = `${this.path}.tmp`;
    // A leftover temporary file could have another mode, or be a link.
    await rm(temporary, { force: true });
    const next = new WrittenFile(await open(temporary, 'wx', 0o600), last);
    try {
      await this.writeAll(next);
      await next.handle.sync();
      await rename(temporary, this.path);
    } catch (error) {
      await next.handle.close();
      await rm(temporary, { force: true });
      throw error;
    }
    this.current = next;
  }

  /** Writes the minutes from newest to oldest, until there are no more or the file is large enough. */
  private async writeAll(next: WrittenFile): Promise<void> {
    const { encoder, last } = next;
    let batch = [encoder.header(), encoder.keys(this.history.recorder.keys)];
    let size = lengthOf(batch);
    const pause = this.pauses();
    for (let minute = last; minute > Math.max(-1, last - MAX_SLOTS); minute--) {
      const part = this.encode(next, minute);
      await pause();
      if (next.size + size + part.length > this.maxBytes * REWRITTEN_PART) break;
      next.minutes++;
      batch.push(part);
      size += part.length;
      if (size < WRITE_BYTES) continue;
      await next.write(Buffer.concat(batch));
      batch = [];
      size = 0;
    }
    await next.write(Buffer.concat(batch));
  }

  private encode({ encoder }: WrittenFile, minute: number): Buffer {
    const slots = this.history.recorder.slotsOf(minute);
    return slots.length > 0 ? encoder.minute({ minute, slots }) : Buffer.alloc(0);
  }

  private async abandon(): Promise<void> {
    const { current } = this;
    this.current = undefined;
    await current?.handle.close();
  }
}

/** A file that this process has written. */
class WrittenFile {
  readonly encoder = new HistoryEncoder();
  size = 0;
  /** Number of minutes in the file. */
  minutes = 0;

  constructor(
    readonly handle: FileHandle,
    /** The last minute in the file. */
    public last: number,
  ) {}

  async write(bytes: Buffer): Promise<void> {
    await this.handle.writeFile(bytes);
    this.size += bytes.length;
  }
}

/** The contents of a file; undefined if it does not exist. */
async function read(path: string): Promise<Buffer | 'too large' | undefined> {
  // If the path is a named pipe, opening it must not wait for a writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!handle) return undefined;
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new Error('it is not a regular file');
    return stats.size > MAX_BYTES ? 'too large' : await handle.readFile();
  } finally {
    await handle.close();
  }
}

function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
