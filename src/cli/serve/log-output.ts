import { constants, openSync, write, writeSync } from 'node:fs';

/** Text that may wait to be written, in characters: a reader that is slow for a moment loses nothing. */
const MAX_QUEUED = 1_048_576;
/** What is written at once at most, in characters. */
const MAX_BATCH = 65_536;
/** After a write that would have blocked. */
const BUSY_RETRY_MS = 50;
/** After a write that failed, as on a full disk. */
const FAILURE_RETRY_MS = 1000;
/** How long the end of the process may wait for what is still queued. */
const FLUSH_LIMIT_MS = 200;
const FLUSH_RETRY_MS = 5;
const NEWLINE = 10;

interface Stdout {
  readonly fd: number;
  readonly isTTY?: boolean;
}

/**
 * Writes the lines of a log to standard output and never waits for that: on a full disk, a pipe whose reader is gone or
 * slow, or a terminal that was stopped, lines are dropped and counted. When lines can be written again, one of them
 * tells how many were dropped.
 */
export class LogOutput {
  /** Lines that were not written, since the process started. */
  dropped = 0;
  /** As much of them as a line has told. */
  private reported = 0;
  private readonly fd: number;
  private readonly queue: string[] = [];
  private queued = 0;
  /** What is being written, or waits for its next try. */
  private batch: Buffer | undefined;
  /** `dropped` as the last line of the batch tells it; 0: it has no such line. */
  private reporting = 0;
  private isInFlight = false;
  /** The latest write failed: nothing is queued until the next try. */
  private isFailing = false;
  private endsInLine = false;

  /** @param notice makes the line that tells how many lines were dropped. */
  constructor(
    stdout: Stdout,
    private readonly notice: (dropped: number) => string,
  ) {
    this.fd = nonBlocking(stdout);
    process.on('exit', () => this.flushSync());
  }

  /** `line` ends with a line break. Never throws. */
  write(line: string): void {
    if (this.isFailing || this.queued + line.length > MAX_QUEUED) {
      this.dropped++;
      return;
    }
    this.queue.push(line);
    this.queued += line.length;
    if (!this.batch) this.next();
  }

  /** Writes what is queued, as far as that is possible within 200 ms. For the end of the process. Never throws. */
  flushSync(): void {
    // What a thread of Node is writing is written before the process ends.
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

  /** Takes the oldest lines out of the queue, with a line about those that were dropped; undefined: there is none. */
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

  /** All that waits is dropped, and for a while all that comes. */
  private fail(batch: Buffer): void {
    const lines = batch.reduce((count, octet) => count + (octet === NEWLINE ? 1 : 0), 0);
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
 * A descriptor of `stdout` on which a write does not block: Node has made it so for pipes and sockets, and files never
 * block for long. Those of a terminal do, where it was stopped with Ctrl+S, so that is opened once more.
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
