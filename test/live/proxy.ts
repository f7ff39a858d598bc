import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyOptions {
  /** The port on 127.0.0.1 that it leads to. */
  to: number;
  /** The address that it connects from, such as `127.0.0.3`. Default 127.0.0.1. */
  from?: string;
}

/**
 * A TCP proxy on a random port of 127.0.0.1, for faults that no server shows
 * by itself: a peer that is heard of no more, a cut line, another address.
 */
export class TcpProxy {
  /** Connections that were accepted, ever. */
  accepted = 0;
  private frozen = false;
  private readonly pairs = new Set<readonly [Socket, Socket]>();

  private constructor(
    private readonly server: Server,
    private readonly options: ProxyOptions,
  ) {
    server.on('connection', (client: Socket) => this.accept(client));
  }

  static async start(options: ProxyOptions): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const proxy = new TcpProxy(server, options);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.pairs.size;
  }

  /** From now on no octet gets through, either way; connections stay open, new ones are accepted. */
  freeze(): void {
    this.frozen = true;
    for (const sockets of this.pairs) for (const socket of sockets) socket.pause();
  }

  /** Lets through what waited, and all that comes. */
  thaw(): void {
    this.frozen = false;
    for (const sockets of this.pairs) for (const socket of sockets) socket.resume();
  }

  /** Resets every connection, on both sides. New ones are accepted. */
  cut(): void {
    for (const sockets of this.pairs) for (const socket of sockets) reset(socket);
  }

  /** Stops listening and resets every connection; resolves when all are closed. */
  async stop(): Promise<void> {
    const closed = [...this.pairs]
      .flat()
      .map((socket) => !socket.closed && new Promise((resolve) => socket.once('close', resolve)));
    this.cut();
    await Promise.all([...closed, new Promise((resolve) => this.server.close(resolve))]);
  }

  private accept(client: Socket): void {
    this.accepted++;
    const { to, from = '127.0.0.1' } = this.options;
    const server = connect({ port: to, host: '127.0.0.1', localAddress: from, allowHalfOpen: true, noDelay: true });
    const pair = [client, server] as const;
    this.pairs.add(pair);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('data', (octets) => void other.write(octets));
      socket.once('end', () => other.end());
      socket.once('error', () => reset(other));
      socket.once('close', () => {
        this.pairs.delete(pair);
        other.destroySoon();
      });
      if (this.frozen) socket.pause();
    }
  }
}

/** Node cannot reset a socket whose FIN is on its way, and would never close it. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
