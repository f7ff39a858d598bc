import { connect, type Socket } from 'node:net';
import { afterNextPoll } from '../../server/sockets/after-next-poll.js';

/** A frame as it came: taken apart here, so that no decoder of ours judges what it has to judge. */
export interface CameFrame {
  readonly type: number;
  readonly version: number;
  readonly flags: number;
  readonly code: number;
  readonly id: string;
  readonly body: Buffer | undefined;
}

export type Ending = 'fin' | 'rst';

const HEADER = 16;
const MAX_FRAME = 65_552;

/** One connection: octets that go out as they are, and what comes back. Every wait has an end. */
export class Dialogue {
  private readonly socket: Socket;
  private octets = Buffer.alloc(0);
  private ending: Ending | undefined;
  private wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.octets = Buffer.concat([this.octets, chunk]);
      this.wake();
    });
    socket.on('end', () => this.ended('fin'));
    socket.on('error', () => this.ended('rst'));
    socket.on('close', () => this.ended('rst'));
  }

  /** Rejects with what the system says. */
  static open(host: string, port: number, within: number): Promise<Dialogue> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
      const timer = setTimeout(() => socket.destroy(new Error('no connection in time')), within);
      socket.once('error', reject);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', reject);
        resolve(new Dialogue(socket));
      });
    });
  }

  send(octets: Buffer): void {
    if (!this.socket.destroyed) this.socket.write(octets);
  }

  /** Takes what comes, or leaves it to the kernel. */
  read(on: boolean): void {
    if (on) this.socket.resume();
    else this.socket.pause();
  }

  /** Forgets what has come. */
  drop(): void {
    this.octets = Buffer.alloc(0);
  }

  fin(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** The next frame; undefined: none came in time, or none can come. Throws where what came is none. */
  async frame(within: number): Promise<CameFrame | undefined> {
    await this.until(() => this.octets.length >= 4 && this.octets.length >= this.frameLength, within);
    if (this.octets.length < 4 || this.octets.length < this.frameLength) return undefined;
    const length = this.frameLength;
    const { octets } = this;
    this.octets = octets.subarray(length);
    const [version, type, flags, code] = octets.subarray(4, 8) as unknown as [number, number, number, number];
    const id = octets.toString('hex', 8, HEADER);
    return { version, type, flags, code, id, body: length > HEADER ? octets.subarray(HEADER, length) : undefined };
  }

  /** The type of the next frame; undefined: no header came in time, or none can come. */
  async nextType(within: number): Promise<number | undefined> {
    await this.until(() => this.octets.length >= HEADER, within);
    return this.octets.length >= HEADER ? this.octets[5] : undefined;
  }

  /** What has come by the time that `enough` of it has, or nothing more can. */
  async text(enough: (text: string) => boolean, within: number): Promise<string> {
    await this.until(() => enough(this.octets.toString()), within);
    const text = this.octets.toString();
    this.octets = Buffer.alloc(0);
    return text;
  }

  /** How the server ended the connection; undefined: not in time. Octets that came before are in `left`. */
  async end(within: number): Promise<Ending | undefined> {
    await this.until(() => this.ending !== undefined, within);
    return this.ending;
  }

  /** Octets that have come and that nobody has taken. */
  get left(): Buffer {
    return this.octets;
  }

  /** Whether nothing comes and nothing ends for so long. */
  async isSilent(ms: number): Promise<boolean> {
    await this.until(() => this.octets.length > 0 || this.ending !== undefined, ms);
    return this.octets.length === 0 && this.ending === undefined;
  }

  private get frameLength(): number {
    const length = this.octets.readUInt32BE(0) + 4;
    if (length < HEADER || length > MAX_FRAME)
      throw new Error(`what came is no frame: ${this.octets.toString('hex', 0, 32)}`);
    return length;
  }

  private ended(how: Ending): void {
    this.ending ??= how;
    this.wake();
  }

  private async until(condition: () => boolean, within: number): Promise<void> {
    const deadline = performance.now() + within;
    while (!condition() && this.ending === undefined) {
      const left = deadline - performance.now();
      // Where this process was held up, what came meanwhile has not been read: timers are told before octets are.
      if (left <= 0) return afterNextPoll();
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }
}
