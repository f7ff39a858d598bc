import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A received PING. */
export interface SeenPing {
  flags: number;
  scope: number;
  body: unknown;
  /** Answers with a PONG. */
  pong(code: number, report?: unknown, flags?: number): void;
  socket: Socket;
}

/** A peer that calls the test's script for each PING. It builds frames itself and shares no code with the client. */
export class ScriptedResponder {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(answer: (ping: SeenPing, nth: number) => void): Promise<ScriptedResponder> {
    let nth = 0;
    const server = createServer();
    const responder = new ScriptedResponder(server);
    server.on('connection', (socket) => {
      responder.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => responder.#sockets.delete(socket));
      let octets = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        octets = Buffer.concat([octets, chunk]);
        while (octets.length >= 16 && octets.length >= octets.readUInt32BE(0) + 4) {
          const end = octets.readUInt32BE(0) + 4;
          const frame = octets.subarray(0, end);
          octets = octets.subarray(end);
          answer(seen(frame, socket), ++nth);
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return responder;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function seen(frame: Buffer, socket: Socket): SeenPing {
  const id = frame.subarray(8, 16);
  return {
    flags: frame.readUInt8(6),
    scope: frame.readUInt8(7),
    body: frame.length > 16 ? JSON.parse(frame.subarray(16).toString()) : undefined,
    pong(code, report, flags = 0) {
      const body = report === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(report));
      const head = Buffer.alloc(8);
      head.writeUInt32BE(12 + body.length);
      head.set([1, 2, flags, code], 4);
      socket.write(Buffer.concat([head, id, body]));
    },
    socket,
  };
}
