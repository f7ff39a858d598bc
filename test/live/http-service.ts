import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { whenClosed } from '../when-closed.js';

/**
 * Behavior of a service. `ok` and `503` respond with that status. `hang` reads the request and sends nothing.
 * `close-in-body` announces 100 bytes, sends 10 and closes. `drip` sends one byte of a long body every 50 ms.
 */
export type HttpMode = 'ok' | '503' | 'hang' | 'close-in-body' | 'drip';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const modes: Readonly<Record<HttpMode, Answer>> = {
  ok: (_, response) => response.end('ok'),
  '503': (_, response) => response.writeHead(503).end('down for maintenance'),
  hang: () => {},
  'close-in-body': (_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('0123456789', () => response.socket?.destroy());
  },
  drip: (_, response) => {
    response.writeHead(200, { 'content-length': 10_000 });
    const timer = setInterval(() => response.write('.'), 50);
    response.once('close', () => clearInterval(timer));
  },
};

/** A downstream service on a random port of 127.0.0.1, whose behavior can be changed while it runs. */
export class HttpService {
  /** How the service responds: a mode, or a function for anything else. */
  mode: HttpMode | Answer = 'ok';
  /** Total numbers of received requests and accepted connections. */
  requests = 0;
  accepted = 0;
  private readonly open = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly scheme: string,
  ) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.requests++;
      const answer = typeof this.mode === 'string' ? modes[this.mode] : this.mode;
      answer(request, response);
    });
    server.on('connection', (socket: Socket) => {
      this.accepted++;
      this.open.add(socket);
      socket.once('close', () => this.open.delete(socket));
    });
  }

  /**
   * @param server a server that is not listening yet, for TLS. Default: a plain one.
   * @param port port of a service that was stopped. Default: any free port.
   */
  static async start({ server = createServer() as Server, scheme = 'http', port = 0 } = {}): Promise<HttpService> {
    const service = new HttpService(server, scheme);
    await service.listen(port);
    return service;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Returns `http://127.0.0.1:PORT` followed by the path. */
  url(path = '/'): string {
    return `${this.scheme}://127.0.0.1:${this.port}${path}`;
  }

  /** Number of open connections. */
  get connections(): number {
    return this.open.size;
  }

  /** Closes all connections from this side. */
  closeConnections(): void {
    for (const socket of this.open) socket.destroy();
  }

  /** Stops listening and closes all connections. Resolves when all are closed. */
  async stop(): Promise<void> {
    const closed: Promise<unknown>[] = [...this.open].map(whenClosed);
    closed.push(once(this.server, 'close'));
    this.server.close();
    this.closeConnections();
    await Promise.all(closed);
  }

  private listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', resolve);
    });
  }
}
