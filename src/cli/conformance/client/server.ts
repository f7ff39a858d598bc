import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { FrameType, HEADER_BYTES, MAX_LENGTH, maxBody, VERSION, WatchFlag } from '../../../wire/codes.js';
import type { ReceivedFrame } from '../dialogue.js';
import type { Bell } from './bell.js';
import type { Answers } from './vector.js';

/** Flags that a client may set, by frame type. */
const allowedFlags: Readonly<Record<number, number>> = {
  [FrameType.PING]: 0xf3,
  [FrameType.PONG]: 0x06,
  [FrameType.WATCH]: 0x03,
  [FrameType.HELLO]: 0,
  [FrameType.GOAWAY]: 0,
  [FrameType.ERROR]: 0x01,
};
/** Maximum time on a busy machine for a byte to reach the client and for its PING to return. */
const MAX_TRANSIT_MS = 200;
const FIRST_SKIPPED_TYPE = 0x80;
const MAX_SCOPE = 2;

/** A connection opened by the client under test. */
export class ClientConnection {
  /** Frames that were not answered automatically and that no step has consumed. */
  readonly frames: ReceivedFrame[] = [];
  /** How the client closed the connection. */
  ending: 'fin' | 'rst' | undefined;
  /**
   * Monotonic times in milliseconds at which the connection was accepted, the last byte was sent, and the connection
   * ended.
   */
  readonly openedAt = performance.now();
  sentAt = this.openedAt;
  endedAt = Number.POSITIVE_INFINITY;
  /**
   * Number of PINGs since the last byte was sent, and how many of them the client may have sent before it received that
   * byte.
   */
  pings = 0;
  crossedPings = 0;
  /** How the client violated the frame format. */
  fault: string | undefined;
  private bytes = Buffer.alloc(0);

  constructor(
    private readonly socket: Socket,
    private readonly answers: () => Answers,
    private readonly bell: Bell,
  ) {
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('end', () => this.ended('fin'));
    socket.on('error', () => this.ended('rst'));
    socket.on('close', () => this.ended('rst'));
  }

  /** Whether nothing more can be received. */
  get isOver(): boolean {
    return this.ending !== undefined || this.fault !== undefined;
  }

  send(bytes: Buffer): void {
    this.sentAt = performance.now();
    this.pings = 0;
    this.crossedPings = 0;
    if (this.socket.writable) this.socket.write(bytes);
  }

  end(how: 'fin' | 'rst'): void {
    if (how === 'fin') this.socket.end();
    else this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private ended(how: 'fin' | 'rst'): void {
    if (this.ending) return;
    this.ending = how;
    this.endedAt = performance.now();
    if (how === 'fin') this.socket.end();
    this.bell.ring();
  }

  private read(chunk: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, chunk]);
    while (this.fault === undefined && this.bytes.length >= HEADER_BYTES) {
      const length = this.bytes.readUInt32BE(0) + 4;
      const inside = length >= HEADER_BYTES && length <= MAX_LENGTH + 4;
      if (inside && this.bytes.length < length) return;
      const [version, type, flags, code] = this.bytes.subarray(4, 8) as unknown as [number, number, number, number];
      const id = this.bytes.toString('hex', 8, HEADER_BYTES);
      const body = length > HEADER_BYTES ? this.bytes.subarray(HEADER_BYTES, length) : undefined;
      const frame = { version, type, flags, code, id, body };
      this.fault = inside ? faultOf(frame) : `a frame with length ${length - 4}`;
      this.bytes = this.bytes.subarray(length);
      if (this.fault === undefined && type < FIRST_SKIPPED_TYPE) this.handle(frame);
    }
    this.bell.ring();
  }

  private handle(frame: ReceivedFrame): void {
    if (frame.type === FrameType.PING) {
      this.pings++;
      if (performance.now() - this.sentAt < MAX_TRANSIT_MS) this.crossedPings++;
    }
    const answer = answerTo(frame, this.answers());
    if (answer) this.send(answer);
    else if (!isCancel(frame)) this.frames.push(frame);
  }
}

/**
 * A cancellation is never answered, and a client that switches to another watch may send it before or after the new
 * WATCH.
 */
function isCancel({ type, flags }: ReceivedFrame): boolean {
  return type === FrameType.WATCH && (flags & WatchFlag.CANCEL) !== 0;
}

function answerTo({ type, id }: ReceivedFrame, { ping, hello }: Answers): Buffer | undefined {
  if (type === FrameType.PING && ping !== undefined) return frameOf(FrameType.PONG, ping, id);
  return type === FrameType.HELLO && hello ? frameOf(FrameType.HELLO, 0, id, JSON.stringify(hello)) : undefined;
}

function frameOf(type: number, code: number, id: string, body = ''): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + Buffer.byteLength(body));
  frame.writeUInt32BE(frame.length - 4, 0);
  frame.set([VERSION, type, 0, code], 4);
  frame.write(id, 8, 'hex');
  frame.write(body, HEADER_BYTES);
  return frame;
}

/** Describes what is wrong with a client's frame, regardless of its purpose; undefined if nothing is. */
function faultOf({ version, type, flags, code, body }: ReceivedFrame): string | undefined {
  if (version !== VERSION) return `version ${version}`;
  if (type >= FIRST_SKIPPED_TYPE) return undefined;
  const allowed = allowedFlags[type];
  if (allowed === undefined) return `type ${type}, which a client must not send`;
  if ((flags & ~allowed) !== 0) return `flags ${flags} in a frame of type ${type}`;
  const hasCode = type === FrameType.PONG || type === FrameType.GOAWAY || type === FrameType.ERROR;
  if (!hasCode && code > (type === FrameType.PING ? MAX_SCOPE : 0)) return `code ${code} in a frame of type ${type}`;
  if (body === undefined) return undefined;
  if (body.length > maxBody[type as FrameType]) return `a body of ${body.length} bytes in a frame of type ${type}`;
  return isObject(body) ? undefined : `a body that is not a JSON object in a frame of type ${type}`;
}

function isObject(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** A listener to which the client under test connects. */
export class ClientServer {
  /** Connections that no step has accepted. */
  readonly arrivals: ClientConnection[] = [];
  /** All connections so far. */
  readonly all: ClientConnection[] = [];

  private constructor(private readonly server: Server) {}

  static async listen(answers: () => Answers, bell: Bell): Promise<ClientServer> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const listener = new ClientServer(server);
    server.on('connection', (socket) => {
      const connection = new ClientConnection(socket, answers, bell);
      listener.all.push(connection);
      listener.arrivals.push(connection);
      const { end } = answers();
      if (end) connection.end(end);
      bell.ring();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return listener;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const connection of this.all) connection.destroy();
    this.server.close();
  }
}
