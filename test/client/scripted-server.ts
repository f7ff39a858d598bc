import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A frame as seen by the peer. It is parsed here, so that the codec under test is not involved. */
export interface SeenFrame {
  type: number;
  flags: number;
  code: number;
  id: bigint;
  body: string;
}

export type Script = (frame: SeenFrame, socket: Socket) => void;

/** A server on loopback that does what a test specifies, frame by frame. */
export class ScriptedServer {
  readonly sockets: Socket[] = [];
  readonly frames: SeenFrame[] = [];
  /** Everything received on all connections. */
  octets = Buffer.alloc(0);
  private readonly server: Server;
  private readonly script: Script;
  private wake: () => void = () => {};

  private constructor(script: Script) {
    this.script = script;
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  static async listen(script: Script = () => {}, host = '127.0.0.1'): Promise<ScriptedServer> {
    const scripted = new ScriptedServer(script);
    scripted.server.listen(0, host);
    await once(scripted.server, 'listening');
    return scripted;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Resolves when `count` connections have been accepted, with the latest of them. */
  async connection(count = 1): Promise<Socket> {
    await this.until(() => this.sockets.length >= count);
    return this.sockets[count - 1] as Socket;
  }

  /** Resolves when `count` frames have been received in total, with the latest of them. */
  async frame(count = 1): Promise<SeenFrame> {
    await this.until(() => this.frames.length >= count);
    return this.frames[count - 1] as SeenFrame;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  async until(true_: () => boolean): Promise<void> {
    while (!true_()) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  private accept(socket: Socket): void {
    let rest = Buffer.alloc(0);
    this.sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.octets = Buffer.concat([this.octets, chunk]);
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 16 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const end = 4 + rest.readUInt32BE(0);
        const frame = {
          type: rest.readUInt8(5),
          flags: rest.readUInt8(6),
          code: rest.readUInt8(7),
          id: rest.readBigUInt64BE(8),
          body: rest.toString('utf8', 16, end),
        };
        rest = rest.subarray(end);
        this.frames.push(frame);
        this.script(frame, socket);
      }
      this.wake();
    });
    this.wake();
  }
}

/** Encodes a frame independently of the codec under test. */
export function frame(type: number, flags: number, code: number, id: bigint, body = ''): Buffer {
  const text = Buffer.from(body);
  const header = Buffer.alloc(16);
  header.writeUInt32BE(12 + text.length, 0);
  header.set([1, type, flags, code], 4);
  header.writeBigUInt64BE(id, 8);
  return Buffer.concat([header, text]);
}

export const pong = (id: bigint, status = 1, flags = 0, body = '') => frame(0x02, flags, status, id, body);
export const error = (id: bigint, code: number, flags: number, body = '') => frame(0x7f, flags, code, id, body);

/** Answers each PING with pass. */
export const passing: Script = (seen, socket) => {
  if (seen.type === 0x01) socket.write(pong(seen.id));
};
