import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A client that sends bytes and collects the answers. It has no decoder, so that a test sees the bytes. */
export class Peer {
  received = Buffer.alloc(0);
  /** Whether the server has sent FIN. */
  ended = false;
  /** Code of the error that ended the connection. */
  error: string | undefined;
  private changed: (() => void)[] = [];

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.notify();
    });
    socket.on('end', () => {
      this.ended = true;
      this.notify();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code;
      this.notify();
    });
    socket.on('close', () => this.notify());
  }

  static async connect(port: number): Promise<Peer> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    const peer = new Peer(socket);
    await once(socket, 'connect');
    return peer;
  }

  send(octets: Buffer | string): void {
    this.socket.write(octets);
  }

  sendHex(hex: string): void {
    this.socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }

  /**
   * Waits until `count` bytes have arrived or the connection has ended. Removes the bytes and returns them in
   * hexadecimal.
   */
  async hex(count: number): Promise<string> {
    return (await this.take(count)).toString('hex');
  }

  async text(count: number): Promise<string> {
    return (await this.take(count)).toString();
  }

  /** The next frame: the fields of its header, and its body. */
  async frame(): Promise<{ type: string; flags: string; code: string; id: string; body?: Record<string, unknown> }> {
    const header = await this.hex(16);
    const octets = Number.parseInt(header.slice(0, 8), 16) - 12;
    const body = octets > 0 ? { body: JSON.parse(await this.text(octets)) } : {};
    const [type, flags, code] = [10, 12, 14].map((at) => header.slice(at, at + 2)) as [string, string, string];
    return { type, flags, code, id: header.slice(16), ...body };
  }

  /** Everything received until the server's FIN. */
  async untilEnd(): Promise<Buffer> {
    await this.until(() => this.ended || this.socket.destroyed);
    const all = this.received;
    this.received = Buffer.alloc(0);
    return all;
  }

  async closed(): Promise<void> {
    await this.until(() => this.socket.destroyed);
  }

  private async take(count: number): Promise<Buffer> {
    await this.until(() => this.received.length >= count || this.ended || this.socket.destroyed);
    const taken = this.received.subarray(0, count);
    this.received = this.received.subarray(count);
    return taken;
  }

  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.changed.push(resolve));
  }

  private notify(): void {
    for (const resolve of this.changed.splice(0)) resolve();
  }
}

/** Any frame in hexadecimal, with a body if one is given. */
export function frame(type: string, id: string, body?: unknown, { flags = '00', code = '00' } = {}): string {
  const octets = body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
  const length = (12 + octets.length).toString(16).padStart(8, '0');
  return `${length}01${type}${flags}${code}${id}${octets.toString('hex')}`;
}

/** A bare PING in hexadecimal. */
export function ping(id: string, { scope = '00', flags = '00' } = {}): string {
  return `0000000c0101${flags}${scope}${id}`;
}

/** A PING with a body in hexadecimal. */
export function pingWith(id: string, body: unknown, { scope = '00', flags = '00' } = {}): string {
  const octets = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const length = (12 + octets.length).toString(16).padStart(8, '0');
  return `${length}0101${flags}${scope}${id}${octets.toString('hex')}`;
}

/** A bare PONG in hexadecimal. */
export function pong(id: string, status: string, flags = '00'): string {
  return `0000000c0102${flags}${status}${id}`;
}
