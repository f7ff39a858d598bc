import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyOptions {
  /** Destination port on 127.0.0.1. */
  to: number;
  /** Source address of its connections, such as `127.0.0.3`. Default 127.0.0.1. */
  from?: string;
}

/**
 * A TCP proxy on a random port of 127.0.0.1, for faults that no server produces by itself: an unresponsive peer, a
 * reset, another address.
 */
export class TcpProxy {
  /** Total number of accepted connections. */
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

  /** Number of open connections. */
  get connections(): number {
    return this.pairs.size;
  }

  /** Passes no more bytes in either direction. Connections stay open, and new ones are accepted. */
  freeze(): void {
    this.frozen = true;
    for (const sockets of this.pairs) for (const socket of sockets) socket.pause();
  }

  /** Passes the held bytes, and all later ones. */
  thaw(): void {
    this.frozen = false;
    for (const sockets of this.pairs) for (const socket of sockets) socket.resume();
  }

  /** Resets each connection on both sides. New connections are accepted. */
  cut(): void {
    for (const sockets of this.pairs) for (const socket of sockets) reset(socket);
  }

  /** Stops listening and resets each connection. Resolves when all are closed. */
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

/** Node cannot reset a socket while its FIN is being sent, and would never close the socket. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
