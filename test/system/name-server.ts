import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const HEADER_BYTES = 12;
const TYPE_A = 1;

/** A DNS server with A records on 127.0.0.1. Its names have no other records, and other names do not exist. */
export class NameServer {
  private readonly socket = createSocket('udp4');

  private constructor(private readonly records: ReadonlyMap<string, readonly string[]>) {
    this.socket.on('message', (query, { port, address }) => this.socket.send(this.answer(query), port, address));
  }

  static async start(records: Readonly<Record<string, readonly string[]>>): Promise<NameServer> {
    const server = new NameServer(new Map(Object.entries(records)));
    server.socket.bind(0, '127.0.0.1');
    await once(server.socket, 'listening');
    return server;
  }

  /** The environment of a Node.js program that queries this server only. */
  get env(): Record<string, string> {
    const address = `127.0.0.1:${this.socket.address().port}`;
    const module = `import dns from 'node:dns'; dns.setServers(['${address}']); dns.promises.setServers(['${address}']);`;
    return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` };
  }

  close(): void {
    this.socket.close();
  }

  private answer(query: Buffer): Buffer {
    const labels: string[] = [];
    let at = HEADER_BYTES;
    for (let length = query[at] as number; length > 0; length = query[at] as number) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const addresses = this.records.get(labels.join('.').toLowerCase());
    const found = query.readUInt16BE(at + 1) === TYPE_A ? (addresses ?? []) : [];
    const header = Buffer.alloc(HEADER_BYTES);
    query.copy(header, 0, 0, 2);
    // A response with recursion available. Code 3 means "no such name".
    header.writeUInt16BE(0x8180 | (addresses ? 0 : 3), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    // The name in the question, type A, class IN, TTL 1 s, 4 bytes.
    const record = (address: string) =>
      Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]);
    return Buffer.concat([header, query.subarray(HEADER_BYTES, at + 5), ...found.map(record)]);
  }
}
