import { connect, type Socket } from 'node:net';
import { afterNextPoll } from '../../server/sockets/after-next-poll.js';
import { FrameType } from '../../wire/codes.js';

/** A frame as received, parsed independently of the decoder under test. */
export interface ReceivedFrame {
  readonly type: number;
  readonly version: number;
  readonly flags: number;
  readonly code: number;
  readonly id: string;
  readonly body: Buffer | undefined;
}

/** The number of bytes received until `at`, on the clock of `performance.now()`. */
interface Arrival {
  readonly bytes: number;
  readonly at: number;
}

export type Ending = 'fin' | 'rst';

const HEADER = 16;
const MAX_FRAME = 65_552;
const VERSION = 1;
/** First type that a receiver skips if it is unknown (SPEC "Types"). */
const FIRST_SKIPPED_TYPE = 0x80;
/** First byte of a PROXY header, which precedes the first byte of the protocol. */
const PROXY_HEADER = 0x0d;

/**
 * One connection that sends raw bytes and collects the response. In binary mode, it skips received frames with unknown
 * types of 80 and above. Every wait has a timeout.
 */
export class Dialogue {
  private readonly socket: Socket;
  private bytes = Buffer.alloc(0);
  private ending: Ending | undefined;
  private isBinary: boolean | undefined;
  private errorRead: number | undefined;
  /** Number of bytes of a skipped frame that have not been received yet. */
  private toSkip = 0;
  private readonly arrivals: Arrival[] = [];
  private received = 0;
  /** When the last byte that was read, or the end of the stream, arrived (`performance.now()`). */
  arrivedAt = 0;
  private endedAt = 0;
  private wake: () => void = () => {};
  /** Values in received bodies, by their names in the session. */
  readonly named = new Map<string, unknown>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.received += chunk.length;
      this.arrivals.push({ bytes: this.received, at: performance.now() });
      this.skipUnknown();
      this.wake();
    });
    socket.on('end', () => this.ended('fin'));
    socket.on('error', () => {
      this.ended('rst');
      // Also set after a FIN, because a later `end` reports it.
      this.ending = 'rst';
    });
    socket.on('close', () => this.ended('rst'));
  }

  /** Connects. Rejects with the system error. */
  static open(host: string, port: number, within: number): Promise<Dialogue> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
      const timer = setTimeout(() => socket.destroy(new Error('connection timed out')), within);
      socket.once('error', reject);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', reject);
        resolve(new Dialogue(socket));
      });
    });
  }

  send(bytes: Buffer): void {
    if (bytes[0] !== PROXY_HEADER) this.isBinary ??= bytes[0] === 0;
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Resumes or pauses reading. */
  read(on: boolean): void {
    if (on) this.socket.resume();
    else this.socket.pause();
  }

  /** Discards all received bytes. */
  drop(): void {
    this.take(this.bytes.length);
  }

  /** Marks the next `length` bytes as read. */
  private take(length: number): void {
    this.bytes = this.bytes.subarray(length);
    const read = this.received - this.bytes.length;
    while ((this.arrivals[0]?.bytes ?? read) < read) this.arrivals.shift();
    this.arrivedAt = this.arrivals[0]?.at ?? this.arrivedAt;
  }

  fin(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /**
   * Reads the next frame. Returns undefined after a timeout or if the connection is closed. Throws if the bytes are not
   * a frame.
   */
  async frame(within: number): Promise<ReceivedFrame | undefined> {
    await this.until(() => this.bytes.length >= 4 && this.bytes.length >= this.frameLength, within);
    if (this.bytes.length < 4 || this.bytes.length < this.frameLength) return undefined;
    const length = this.frameLength;
    const { bytes } = this;
    this.take(length);
    this.skipUnknown();
    const [version, type, flags, code] = bytes.subarray(4, 8) as unknown as [number, number, number, number];
    if (type === FrameType.ERROR) this.errorRead = code;
    const id = bytes.toString('hex', 8, HEADER);
    return { version, type, flags, code, id, body: length > HEADER ? bytes.subarray(HEADER, length) : undefined };
  }

  /** Returns the type of the next frame, or undefined after a timeout or if the connection is closed. */
  async nextType(within: number): Promise<number | undefined> {
    await this.until(() => this.bytes.length >= HEADER, within);
    return this.bytes.length >= HEADER ? this.bytes[5] : undefined;
  }

  /** Reads text until `enough` returns true, the timeout has passed, or the connection ends. */
  async text(enough: (text: string) => boolean, within: number): Promise<string> {
    await this.until(() => enough(this.bytes.toString()), within);
    const text = this.bytes.toString();
    this.drop();
    return text;
  }

  /**
   * Waits for the server to close the connection. Returns undefined after a timeout. `left` contains bytes received
   * before.
   */
  async end(within: number): Promise<Ending | undefined> {
    await this.until(() => this.ending !== undefined, within);
    this.arrivedAt = this.endedAt;
    return this.ending;
  }

  /** Whether the server has reset the connection, including after its FIN. */
  get isReset(): boolean {
    return this.ending === 'rst';
  }

  /** Received bytes that have not been read yet. */
  get left(): Buffer {
    return this.bytes;
  }

  /** Code of the last ERROR received, whether it was read or not; undefined if there was none. */
  get lastError(): number | undefined {
    const { bytes } = this;
    return bytes.length >= HEADER && bytes[0] === 0 && bytes[5] === FrameType.ERROR ? bytes[7] : this.errorRead;
  }

  /** Returns whether the connection stays open and nothing is received for `ms` milliseconds. */
  async isSilent(ms: number): Promise<boolean> {
    const until = performance.now() + ms;
    await this.until(() => this.bytes.length > 0 || this.ending !== undefined, ms, false);
    // After a stall of this process, bytes that arrived later may be read before the timer fires.
    const read = this.received - this.bytes.length;
    const first = this.arrivals.find(({ bytes }) => bytes > read);
    const heardAt = Math.min(first?.at ?? until, this.ending === undefined ? until : this.endedAt);
    return heardAt >= until;
  }

  private get frameLength(): number {
    const length = this.bytes.readUInt32BE(0) + 4;
    if (length < HEADER || length > MAX_FRAME)
      throw new Error(`received bytes that are not a frame: ${this.bytes.toString('hex', 0, 32)}`);
    return length;
  }

  private skipUnknown(): void {
    for (;;) {
      const skipped = Math.min(this.toSkip, this.bytes.length);
      this.bytes = this.bytes.subarray(skipped);
      this.toSkip -= skipped;
      const { bytes } = this;
      if (!this.isBinary || bytes.length < HEADER || bytes[4] !== VERSION || Number(bytes[5]) < FIRST_SKIPPED_TYPE)
        return;
      const length = bytes.readUInt32BE(0) + 4;
      if (length < HEADER || length > MAX_FRAME) return;
      this.toSkip = length;
    }
  }

  private ended(how: Ending): void {
    if (this.ending === undefined) this.endedAt = performance.now();
    this.ending ??= how;
    this.wake();
  }

  /** @param poll whether to read received bytes once more after the timeout */
  private async until(condition: () => boolean, within: number, poll = true): Promise<void> {
    const deadline = performance.now() + within;
    while (!condition() && this.ending === undefined) {
      const left = deadline - performance.now();
      // After a stall of this process, timers fire before received bytes are read.
      if (left <= 0) return poll ? afterNextPoll() : undefined;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }
}
