import { constants, openSync, write, writeSync } from 'node:fs';

/** Maximum length of the queue in characters, which covers a reader that is temporarily slow. */
const MAX_QUEUED = 1_048_576;
/** Maximum length of one write, in characters. */
const MAX_BATCH = 65_536;
/** Delay after a write that would block. */
const BUSY_RETRY_MS = 50;
/** Delay after a failed write, such as one to a full disk. */
const FAILURE_RETRY_MS = 1000;
/** Maximum time for writing the rest of the queue when the process exits. */
const FLUSH_LIMIT_MS = 200;
const FLUSH_RETRY_MS = 5;
const NEWLINE = 10;

interface Stdout {
  readonly fd: number;
  readonly isTTY?: boolean;
}

/**
 * Writes log lines to standard output without blocking. On a full disk, a pipe with a slow or closed reader, or a
 * stopped terminal, lines are dropped and counted. When writes succeed again, a line reports how many were dropped.
 */
export class LogOutput {
  /** Number of lines dropped since the process started. */
  dropped = 0;
  /** Number of dropped lines that have already been reported. */
  private reported = 0;
  private readonly fd: number;
  private readonly queue: string[] = [];
  private queued = 0;
  /** The lines that are being written or waiting for a retry. */
  private batch: Buffer | undefined;
  /** Value of `dropped` that the last line of the batch reports; 0 if the batch has no such line. */
  private reporting = 0;
  private isInFlight = false;
  /** Whether the last write failed, in which case lines are dropped until the retry. */
  private isFailing = false;
  private endsInLine = false;

  /** @param notice formats the line that reports how many lines were dropped. */
  constructor(
    stdout: Stdout,
    private readonly notice: (dropped: number) => string,
  ) {
    this.fd = nonBlocking(stdout);
    process.on('exit', () => this.flushSync());
  }

  /** Queues a line, which must end with a line break. Never throws. */
  write(line: string): void {
    if (this.isFailing || this.queued + line.length > MAX_QUEUED) {
      this.dropped++;
      return;
    }
    this.queue.push(line);
    this.queued += line.length;
    if (!this.batch) this.next();
  }

  /** Writes the queue when the process exits, for at most 200 ms. Never throws. */
  flushSync(): void {
    // A write in Node's thread pool completes before the process exits.
    if (this.isInFlight) this.batch = undefined;
    const until = performance.now() + FLUSH_LIMIT_MS;
    for (let batch = this.batch ?? this.take(); batch; ) {
      try {
        const rest = batch.subarray(writeSync(this.fd, batch));
        batch = rest.length > 0 ? rest : this.take();
      } catch (error) {
        if (!isBusy(error) || performance.now() > until) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FLUSH_RETRY_MS);
      }
    }
  }

  /**
   * Removes the oldest lines from the queue, and appends a line about dropped ones. Returns undefined if there is
   * nothing to write.
   */
  private take(): Buffer | undefined {
    let length = 0;
    let count = 0;
    while (count < this.queue.length && (count === 0 || length < MAX_BATCH)) length += this.queue[count++]?.length ?? 0;
    this.queued -= length;
    const lines = this.queue.splice(0, count);
    this.reporting = this.dropped > this.reported ? this.dropped : 0;
    if (this.reporting > 0) lines.push(this.notice(this.dropped - this.reported));
    if (lines.length === 0) return undefined;
    return Buffer.from(`${this.endsInLine ? '\n' : ''}${lines.join('')}`);
  }

  private next(): void {
    this.batch = this.take();
    if (this.batch) this.writeBatch(this.batch);
  }

  private writeBatch(batch: Buffer): void {
    this.isInFlight = true;
    write(this.fd, batch, (error, written) => {
      this.isInFlight = false;
      if (error && isBusy(error)) return this.later(BUSY_RETRY_MS, () => this.writeBatch(batch));
      if (error) return this.fail(batch);
      this.endsInLine = batch[written - 1] !== NEWLINE;
      this.batch = batch.subarray(written);
      if (this.batch.length > 0) return this.writeBatch(this.batch);
      this.reported = Math.max(this.reported, this.reporting);
      this.next();
    });
  }

  /** Drops the batch and the queue, and new lines until the retry. */
  private fail(batch: Buffer): void {
    const lines = batch.reduce((count, byte) => count + (byte === NEWLINE ? 1 : 0), 0);
    const added = (this.reporting > 0 ? 1 : 0) + (this.endsInLine && batch[0] === NEWLINE ? 1 : 0);
    this.dropped += this.queue.length + Math.max(0, lines - added);
    this.queue.length = 0;
    this.queued = 0;
    this.batch = undefined;
    this.isFailing = true;
    this.later(FAILURE_RETRY_MS, () => {
      this.isFailing = false;
      this.next();
    });
  }

  private later(ms: number, call: () => void): void {
    setTimeout(call, ms).unref();
  }
}

/**
 * Returns a non-blocking descriptor for `stdout`. Node makes pipes and sockets non-blocking, and files do not block for
 * long. A terminal blocks after Ctrl+S, so it is reopened as non-blocking.
 */
function nonBlocking({ fd, isTTY }: Stdout): number {
  if (!isTTY) return fd;
  try {
    return openSync(`/dev/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}

function isBusy(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}
